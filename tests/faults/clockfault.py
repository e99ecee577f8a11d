"""A wall clock that a test sets, in a process of its own, while its clock since boot goes on.

libfaketime says what time it is, and the shim of ``clockfault.c`` whether a time source vouches for
that. Both read files, so that a running program meets a step.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests import peers


@dataclass(frozen=True, slots=True, kw_only=True)
class WallClock:
    """The wall clock of a program that runs under `command`.

    Attributes:
        folder: Where its files are.
    """

    folder: Path

    @property
    def _offset(self) -> Path:
        return self.folder / "faketime"

    @property
    def _vouched(self) -> Path:
        return self.folder / "vouched"

    def set(self, wrong_s: float, *, vouched: bool = False) -> None:
        """Let it be wrong by so many seconds; ``vouched``: a source says that it is right."""
        self._vouched.unlink(missing_ok=True)
        new = self._offset.with_suffix(".new")
        new.write_text(f"{wrong_s:+f}\n")
        new.rename(self._offset)
        if vouched:
            new.write_text(f"{wrong_s:f}\n")
            new.rename(self._vouched)

    def command(self) -> tuple[str, ...]:
        """The program, with its arguments, that runs another one with this clock."""
        library = peers.find("libfaketime")
        assert library is not None
        shim = self.folder / "clockfault.so"
        source = Path(__file__).with_suffix(".c")
        compiler = peers.find("cc")
        assert compiler is not None
        subprocess.run([compiler, "-shared", "-fPIC", "-o", shim, source], check=True)
        return (
            "env",
            f"LD_PRELOAD={shim}:{library}",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "FAKETIME_CACHE_DURATION=1",
            # Otherwise libfaketime adds its offset to deadlines of the monotonic clock as well, and
            # Python's threads, which wait for each other with one, take the interpreter's lock from
            # each other all the time: a tenth of the speed, and less on a busy machine.
            "FAKETIME_FORCE_MONOTONIC_FIX=0",
            "NO_FAKE_STAT=1",
            f"FAKETIME_TIMESTAMP_FILE={self._offset}",
            f"CLOCKFAULT_VOUCHED={self._vouched}",
        )
