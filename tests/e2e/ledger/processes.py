"""The processes of the ledger's site: started, signalled and ended by their ids, and quoted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT: Final = Path(__file__).parents[3]
_SHARED: Final = Path("/dev/shm")  # noqa: S108 - a file system in memory, not a temporary folder
_QUOTED: Final = 2_500
"""Characters of a log's end that are quoted."""


class Logging(Protocol):
    """A process that logs to a file: one of ours, or a peer of `tests.peers`."""

    @property
    def log(self) -> Path:
        """The file, which need not exist."""


@dataclass(kw_only=True)
class Program:
    """A process of ours, ended by its pid."""

    command: list[str]
    log: Path
    variables: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it; it may take a while until it does anything."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=os.environ | self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the running process."""
        assert self.process is not None
        assert self.running, f"{self.log.name}: it has ended"
        os.kill(self.process.pid, number)

    def kill(self) -> bool:
        """SIGKILL; whether that hit a running process."""
        return self._end(signal.SIGKILL)

    def stop(self) -> bool:
        """SIGTERM, and SIGKILL where that is not enough."""
        return self._end(signal.SIGTERM)

    def _end(self, by: signal.Signals) -> bool:
        process, self.process = self.process, None
        if process is None:
            return False
        hit = process.poll() is None
        with suppress(ProcessLookupError):
            os.kill(process.pid, by)
            os.kill(process.pid, signal.SIGCONT)  # a paused process would not hear it
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return hit


@dataclass(kw_only=True)
class Incarnation(Program):
    """One process of a gateway.

    Attributes:
        folder: Where it writes its status.
        name: Its number, from 1; no two incarnations of a site have the same.
        spool: The name of its spool's folder.
    """

    folder: Path
    name: int
    spool: str

    def status(self) -> dict[str, Any]:
        """The last status that the process wrote; empty before the first."""
        path = self.folder / f"status-{self.name:04}"
        result: dict[str, Any] = json.loads(path.read_text("ascii")) if path.exists() else {}
        return result

    def _end(self, by: signal.Signals) -> bool:
        pid = self.process.pid if self.process is not None else 0
        hit = super()._end(by)
        for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
            (_SHARED / name).unlink(missing_ok=True)  # libfaketime's, of a process that was killed
        return hit

    def get(self, key: str) -> int:
        """The number ``key`` of `status`; 0 where it is missing."""
        return int(self.status().get(key, 0))


def quote_logs(programs: Iterable[Logging]) -> str:
    """The end of what each of these processes logged, under the names of their files."""
    quoted = []
    for program in programs:
        text = program.log.read_text("utf-8", "replace") if program.log.exists() else ""
        quoted.append(f"--- {program.log.name}\n{text[-_QUOTED:].strip() or '(nothing)'}")
    return "\n".join(quoted)
