"""``kanmon run``: the daemon."""

from __future__ import annotations

import asyncio

import click

from gateway.cli.frame import DONE, Session, command


@click.command()
@click.pass_obj
@command
def run(session: Session) -> int:
    """Run the gateway until SIGTERM or Ctrl-C; SIGHUP applies the configuration again."""
    from gateway import daemon, logs

    logs.set_up(verbose=session.verbose)
    asyncio.run(daemon.run(session.state))
    return DONE
