"""A gateway in a process of its own, and the command line beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cloud_link.spool.model import SpoolLimits, SpoolRecord
from cloud_link.spool.spool import Spool
from cloud_link.wire import Lane
from gateway.control.client import call
from gateway.control.protocol import ControlError
from tests import fork_server

PATIENCE_S: Final = 30.0


def wait_for(what: str, true: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Return when ``true()`` is; fail after ``patience_s`` seconds."""
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


@dataclass
class Box:
    """One state folder, with or without a daemon on it."""

    state: Path
    process: subprocess.Popen[bytes] | fork_server.Process | None = None
    logs: list[Path] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    """More of the daemon's environment."""
    before: tuple[str, ...] = ()
    """A program, with its arguments, that runs the daemon."""

    def start(self, log: Path | None = None) -> None:
        """Run the daemon, and return when it answers; its log goes to ``log``, or is kept."""
        if log is None:
            log = self.state.parent / f"log-{len(self.logs)}"
            self.logs.append(log)
        with log.open("wb") as stream:
            environment = self._environment() | self.variables
            if self.before:
                command = [*self.before, sys.executable, "-m", "gateway.cli", "run"]
                self.process = subprocess.Popen(
                    command, env=environment, stderr=stream, stdout=stream
                )
            else:
                self.process = fork_server.start(
                    "gateway.cli", "run", env=environment, output=stream
                )
        wait_for("the daemon", self._answers)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        try:
            call(self.state, "outbox")
        except ControlError:
            return False
        return True

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal to the daemon and return how it ended."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self.process = None
        return code

    def kill(self) -> None:
        """Kill the daemon, where one runs."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log(self) -> str:
        """What the daemons said so far."""
        return "".join(path.read_text() for path in self.logs)

    def kanmon(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """One call of the command line."""
        return fork_server.run_text(
            "gateway.cli", *words, env=self._environment(), given=given, timeout=2 * PATIENCE_S
        )

    def kanmon_json(self, *words: str) -> Any:
        """What a successful call prints with ``--json``."""
        done = self.kanmon(*words, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    def device(self, name: str) -> dict[str, Any]:
        """A device's line in the status."""
        devices: list[dict[str, Any]] = call(self.state, "devices")
        return next(device for device in devices if device["name"] == name)

    def records(self) -> dict[tuple[bytes, Lane, int], SpoolRecord]:
        """Everything in the spool, by name; only while no daemon runs."""
        assert self.process is None
        spool = Spool.open(self.state / "spool", boot=bytes(8), limits=SpoolLimits())
        try:
            return {
                (record.epoch, lane, record.seq): record
                for lane in Lane
                for record in spool.pending(lane, after=0, limit_bytes=100_000_000)
            }
        finally:
            spool.close()

    def _environment(self) -> dict[str, str]:
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(p for p in (os.environ.get("PYTHONPATH"), root) if p)
        return {**os.environ, "KANMON_STATE": str(self.state), "PYTHONPATH": path}
