"""``kanmon run``: the daemon."""

from __future__ import annotations

import asyncio
import faulthandler
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from gateway.cli.common import DONE, Session, command, json_option
from gateway.install.privileges import refuse_foreign_state


@click.command()
@json_option
@click.pass_obj
@command
def run(session: Session, *, as_json: bool) -> int:
    """Run the gateway in the foreground.

    It runs until SIGTERM or Ctrl-C; SIGHUP applies the configuration again. With --json, and
    wherever standard error is not a terminal, each line of the log is a JSON value.
    """
    with _without_rich():
        from gateway import daemon, logs

    refuse_foreign_state(session.state)
    # A watchdog ends us with SIGABRT: the log then shows where every thread hung.
    faulthandler.enable()
    logs.configure(verbose=session.verbose, as_json=as_json)
    asyncio.run(daemon.run(session.state))
    return DONE


@contextmanager
def _without_rich() -> Iterator[None]:
    """Let structlog find no rich while it is imported: it would keep 5 MB for coloured traces.

    The resident set is a feature of the daemon; the other commands print tables and load it.
    """
    if "rich" in sys.modules or "structlog" in sys.modules:
        yield
        return
    sys.modules["rich"] = None  # type: ignore[assignment] # Python's own way to say "not there"
    try:
        yield
    finally:
        del sys.modules["rich"]
