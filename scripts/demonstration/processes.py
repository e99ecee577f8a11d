"""Processes that never outlive the demonstration.

Each child gets a session of its own, so that Ctrl-C reaches only us and we end them in order, and
a death signal from the kernel, so that they end even when we are killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.demonstration.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PR_SET_PDEATHSIG = 1
_GRACE_S = 10.0
_libc = ctypes.CDLL(None, use_errno=True)


class ChildExitError(Exception):
    """A process ended that should run, or did not become ready."""


@dataclass(kw_only=True)
class Children:
    """The processes in the order of their start; they are ended in the opposite order.

    Attributes:
        logs: The folder of their logs.
        running: The processes by name.
    """

    logs: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        """Start ``command``; what it prints goes to ``<logs>/<name>.log``."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # no threads are running here
            )

    def check(self) -> None:
        """Raise `ChildExitError` with the last lines of its log if one has ended."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise ChildExitError(
                    f"{name} ended with code {process.returncode}; the end of its log:\n"
                    f"{self.last_lines(name)}\nAll of it: {self.logs / f'{name}.log'}"
                )

    def last_lines(self, name: str, lines: int = 12) -> str:
        """The last lines that ``name`` printed."""
        text = (self.logs / f"{name}.log").read_text(errors="replace")
        return "\n".join("    " + line for line in text.splitlines()[-lines:])

    def wait_until(self, ready: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait until ``ready``; raises `ChildExitError` when a child ends or time runs out."""

        def look() -> bool:
            done = ready()
            if not done:
                self.check()
            return done

        late = ChildExitError(f"{what} was not ready within {seconds:.0f} seconds")
        wait_until(look, bool, lambda _: late, patience_s=seconds, every_s=0.05)

    def stop(self) -> list[str]:
        """End every process; returns the names of those that had to be killed."""
        killed = []
        for name, process in reversed(self.running.items()):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_GRACE_S)
                except subprocess.TimeoutExpired:
                    killed.append(name)
            _kill_group(process)
        self.running.clear()
        return killed


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def listening(port: int) -> bool:
    """Whether a port of loopback accepts connections."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
