"""``python -m tests.fork_server_process ADDRESS PACKAGE DESCRIPTOR``: see `tests.fork_server`.

It listens at an abstract socket and writes to the descriptor once it does. A request is one message
of JSON, with the descriptors of three standard streams; it is answered with the pid of the process
that was forked, and with its wait status when it has ended. An empty request, or the end of
standard input, ends the server; what it forked runs on.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parents[1]
LIMIT: Final = 1 << 18
"""Bytes of one request."""
LOADED: Final[Mapping[str, tuple[str, ...]]] = {
    "gateway": (
        *("console", "config", "provisioning", "drivers", "protocols", "cloud_link", "gateway"),
    ),
    "portal": (
        *("console", "config", "provisioning", "cloud_link", "portal.cli"),
        "portal.environment",
        *("cryptography.x509", "django.core.management.commands.migrate", "django.forms"),
        *("django.db.backends.sqlite3.base", "django_stubs_ext", "psycopg"),
    ),
}
"""What a server imports, ours with all that is in it: nothing that reads the environment."""
_WITH_DJANGO: Final = ("portal.accounts", "portal.authority", "portal.broker", "portal.fleet")
"""What a server of one environment imports beside, once Django is set up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """What a forked process shall be."""

    module: str
    env: dict[str, str]
    words: list[str]
    cwd: str
    serve: str
    channel: socket.socket
    descriptors: list[int]


def _load(names: Sequence[str]) -> None:
    for name in names:
        package = import_module(name)
        if (ROOT / name.partition(".")[0]).is_dir():  # ours
            for found in walk_packages(getattr(package, "__path__", ()), f"{name}."):
                if not found.name.endswith("__main__") and ".migrations" not in found.name:
                    import_module(found.name)


def _listen(address: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(f"\0{address}")
    listener.listen()
    return listener


def _serve(listener: socket.socket) -> _Call | None:
    """Fork for each request; gives the request in the process forked, ``None`` at the end."""
    gc.collect()
    gc.freeze()  # a collection in a forked process does not touch, and so copy, what is here
    children: dict[int, tuple[int, socket.socket]] = {}
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(0, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fd == 0:
                return None
            if key.fileobj is not listener:
                selector.unregister(key.fd)
                pid, channel = children.pop(key.fd)
                os.close(key.fd)
                with suppress(OSError):
                    channel.send(str(os.waitpid(pid, 0)[1]).encode())
                channel.close()
                continue
            channel, _ = listener.accept()
            message, descriptors, _, _ = socket.recv_fds(channel, LIMIT, 3)
            request = json.loads(message or b"{}")
            if not request:
                return None
            pid = os.fork()
            if pid == 0:
                selector.close()
                listener.close()
                for number, (_, other) in children.items():
                    os.close(number)
                    other.close()
                blank = {"module": "", "words": [], "cwd": "/", "serve": ""}
                return _Call(**blank | request, channel=channel, descriptors=descriptors)
            channel.send(str(pid).encode())
            for number in descriptors:
                os.close(number)
            children[handle := os.pidfd_open(pid)] = (pid, channel)
            selector.register(handle, selectors.EVENT_READ)


def _prepare(call: _Call) -> socket.socket | None:
    """Set Django up in a server of one environment; ``None`` where that cannot be."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        import django

        django.setup()
        _load(_WITH_DJANGO)
    except Exception:  # noqa: BLE001 - it is the call that tells, in its own process
        return None
    listener = _listen(call.serve)
    call.channel.send(b"ready")
    call.channel.close()
    return listener


def _become(call: _Call) -> NoReturn:
    """Be the program that was called; its end is that of this interpreter."""
    for number, given in enumerate(call.descriptors):
        os.dup2(given, number)
        os.close(given)
    _open_streams()
    call.channel.close()
    os.chdir(call.cwd)
    sys.path[0] = call.cwd
    sys.argv[1:] = call.words
    runpy.run_module(call.module, run_name="__main__", alter_sys=True)
    sys.exit()


def _open_streams() -> None:
    """Open the standard streams anew, as an interpreter does: a pipe is not read like a file."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old: TextIOWrapper = getattr(sys, name)
        buffer = open(number, "wb" if number else "rb", closefd=False)  # noqa: SIM115
        new = TextIOWrapper(
            buffer,
            encoding=old.encoding,
            errors=old.errors,
            newline="\n" if number else None,
            line_buffering=number == 2 or buffer.isatty(),
        )
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def main(address: str, package: str, ready: str) -> None:
    """Serve until the tests end."""
    _load(LOADED[package])
    # Ctrl-C is for the programs, which the terminal sends it to as well.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listener = _listen(address)
    os.write(int(ready), b"ready")
    os.close(int(ready))
    while (call := _serve(listener)) is not None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ.update(call.env)
        if not call.serve:
            _become(call)
        prepared = _prepare(call)
        if prepared is None:
            return
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        listener = prepared


if __name__ == "__main__":
    main(*sys.argv[1:])
