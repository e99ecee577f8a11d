"""Command lines as processes of their own, without their imports being paid for at every call.

A *fork server* is a Python interpreter that has imported what a program needs and forks for each
call (`tests.fork_server_process`). What is forked is a process like any other: its own arguments,
environment, working folder and standard streams, a pid that can be killed, an exit code, and an end
with everything an interpreter does at its end. A call of ``kanmon-portal`` takes 0.05 s of
processor time so, and 0.6 s as an interpreter of its own.

::

    pytest ---- start ----> server of an interpreter's variables (PYTHON*, LC_*, LANG)
                              | fork, for an environment that is asked for again: Django set up
                              `--> server of that environment
                                     | fork, for each call
                                     `--> the program

What an interpreter itself does at its start (how it decodes words, a standard stream that is
closed, how long an import takes, what is imported) needs a start: run ``python -m`` for those.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Final

from tests import fork_client
from tests.fork_server_process import LIMIT, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_KEPT: Final = 12
"""Servers of one environment that are kept at a time; each holds some 20 MB of its own."""
_INTERPRETERS: Final = ("PYTHON", "LC_", "LANG")


class Process:
    """A program that was forked; as far as it goes, like `subprocess.Popen`."""

    def __init__(self, channel: socket.socket, args: Sequence[str | bytes]) -> None:
        self.args = list(args)
        self._channel = channel
        self._code: int | None = None
        self.pid = int(channel.recv(64))

    @property
    def returncode(self) -> int | None:
        """As it ended, minus the signal's number where one ended it; ``None`` while it runs."""
        return self._code

    def poll(self) -> int | None:
        """Look whether it has ended, and return `returncode`."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code; raises `subprocess.TimeoutExpired` after ``timeout`` seconds."""
        if self._code is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._channel, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
            told = self._channel.recv(64)
            self._channel.close()
            self._code = os.waitstatus_to_exitcode(int(told)) if told else -signal.SIGKILL
        return self._code

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def start(
    module: str,
    *words: str | bytes,
    env: Mapping[str, str],
    cwd: Path | None = None,
    given: IO[bytes] | None = None,
    output: IO[bytes] | None = None,
    complaints: IO[bytes] | None = None,
) -> Process:
    """Run ``python -m module words...``.

    Args:
        module: Of the gateway, or of the portal.
        words: Its arguments.
        env: All of its environment.
        cwd: Where it runs; here, if it is not given.
        given: The file that is its standard input.
        output: The file that is its standard output.
        complaints: The file that is its standard error; ``output`` too, if it is not given.
    """
    request = {
        "module": module,
        "words": [os.fsdecode(word) for word in words],
        "cwd": str(cwd or Path.cwd()),
        "env": dict(env),
    }
    message = json.dumps(request).encode()
    assert len(message) < LIMIT
    with Path(os.devnull).open("r+b") as nothing:
        streams = (given or nothing, output or nothing, complaints or output or nothing)
        numbers = [stream.fileno() for stream in streams]
        return Process(_servers.of(module, env).call(message, numbers), words)


def run(
    module: str,
    *words: str | bytes,
    env: Mapping[str, str],
    cwd: Path | None = None,
    given: bytes = b"",
    timeout: float = 60,
) -> subprocess.CompletedProcess[bytes]:
    """Run ``python -m module words...`` to its end, with ``given`` as its standard input.

    Raises:
        subprocess.TimeoutExpired: It took longer than ``timeout`` seconds, and was killed.
    """
    with TemporaryFile() as stdin, TemporaryFile() as stdout, TemporaryFile() as stderr:
        stdin.write(given)
        stdin.seek(0)
        process = start(
            module, *words, env=env, cwd=cwd, given=stdin, output=stdout, complaints=stderr
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(process.args, code, stdout.read(), stderr.read())


def run_text(
    module: str,
    *words: str | bytes,
    env: Mapping[str, str],
    cwd: Path | None = None,
    given: str = "",
    timeout: float = 60,
) -> subprocess.CompletedProcess[str]:
    """`run`, of text in UTF-8; bytes that are none come as surrogates."""
    done = run(
        module,
        *words,
        env=env,
        cwd=cwd,
        given=given.encode("utf-8", "surrogateescape"),
        timeout=timeout,
    )
    out, err = (told.decode("utf-8", "surrogateescape") for told in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def command(module: str, env: Mapping[str, str]) -> list[str]:
    """What a shell in this environment runs in place of ``python -m module``; words may follow."""
    client = Path(fork_client.__file__)
    address = _servers.of(module, env, again=True).address.lstrip("\0")
    return [sys.executable, "-IS", str(client), address, module]


def write_programs(folder: Path, env: Mapping[str, str]) -> None:
    """Put a ``kanmon`` and a ``kanmon-portal`` into a folder for a shell's PATH; see `command`."""
    for name, module in (("kanmon", "gateway.cli"), ("kanmon-portal", "portal.cli")):
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {shlex.join(command(module, env))} "$@"\n')
        program.chmod(0o700)


@dataclass(frozen=True, slots=True)
class _Server:
    """The address of a server, for who calls it."""

    address: str
    process: subprocess.Popen[bytes] | None

    def call(self, message: bytes, descriptors: Sequence[int]) -> socket.socket:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        channel.connect(self.address)
        socket.send_fds(channel, [message], descriptors)
        return channel

    def end(self) -> None:
        """End it; programs that it forked run on."""
        if self.process is None:
            with suppress(OSError):
                self.call(b"{}", ()).close()
            return
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


class _Servers:
    """The servers of this test process."""

    def __init__(self) -> None:
        self._first: dict[tuple[object, ...], _Server] = {}
        self._of_environments: OrderedDict[tuple[object, ...], _Server | None] = OrderedDict()
        self._count = 0
        self._lock = threading.Lock()

    def of(self, module: str, env: Mapping[str, str], *, again: bool = False) -> _Server:
        """The server for a call, started where there is none.

        Args:
            module: What is called.
            env: In which environment.
            again: Whether it is known that there will be more such calls.
        """
        with self._lock:
            return self._of(module, env, again=again)

    def _of(self, module: str, env: Mapping[str, str], *, again: bool) -> _Server:
        ours = {k: v for k, v in env.items() if k.startswith(_INTERPRETERS)}
        package = "portal" if "portal" in module.split(".") else "gateway"
        first = self._first_of(package, ours)
        if package == "gateway":
            return first
        key = tuple(sorted(one for one in env.items() if one[0] != "PYTEST_CURRENT_TEST"))
        if key not in self._of_environments:
            self._of_environments[key] = None
            if not again:  # the first call may be the only one
                return first
        self._of_environments.move_to_end(key)
        found = self._of_environments[key]
        if found is None:
            found = self._of_environments[key] = self._forked(first, env)
            self._forget()
        return found

    def _forget(self) -> None:
        """End the servers that were not called for longest."""
        kept = [(key, one) for key, one in self._of_environments.items() if one and not one.process]
        for key, server in kept[:-_KEPT]:
            del self._of_environments[key]
            server.end()

    def end(self) -> None:
        """End all."""
        for server in self._first.values():  # those forked from them see the same end
            server.end()

    def _address(self) -> str:
        self._count += 1
        return f"\0kanmon-fork-server-{os.getpid()}-{self._count}"

    def _first_of(self, package: str, ours: Mapping[str, str]) -> _Server:
        key = (package, *sorted(ours.items()))
        if key not in self._first:
            address = self._address()
            reading, writing = os.pipe()
            command = [sys.executable, "-m", "tests.fork_server_process", address[1:], package]
            process = subprocess.Popen(
                [*command, str(writing)],
                env={"PATH": os.environ.get("PATH", ""), **ours},
                cwd=ROOT,
                stdin=subprocess.PIPE,  # its end is the end of the tests, however they end
                stdout=subprocess.DEVNULL,
                pass_fds=[writing],
            )
            os.close(writing)
            with os.fdopen(reading, "rb") as ready:
                assert ready.read(), "the fork server did not start"
            self._first[key] = _Server(address, process)
        return self._first[key]

    def _forked(self, first: _Server, env: Mapping[str, str]) -> _Server:
        address = self._address()
        request = {"env": dict(env), "serve": address[1:]}
        channel = first.call(json.dumps(request).encode(), ())
        with channel:
            channel.recv(64)  # its pid
            ready = channel.recv(64)
        return _Server(address, None) if ready == b"ready" else first


_servers = _Servers()
atexit.register(_servers.end)
