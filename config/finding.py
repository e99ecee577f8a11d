"""A finding of a check: where, what, why, and the next step.

Every check in Kanmon reports findings, whether it read a file, a profile or a bus.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """Whether a finding stops the configuration from being used."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLocation:
    """A position in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem, described for a user.

    Attributes:
        what: The fact, in one clause.
        why: Why that is a problem; ``""`` where the fact says it.
        next: The next step; ``""`` where the fact says it.
        path: The setting's path: ``devices[2].url``.
        location: The setting's position in the file, if it is written there.
        weight: Whether it stops the configuration from being used.
    """

    what: str
    why: str = ""
    next: str = ""
    path: str = ""
    location: SourceLocation | None = None
    level: Level = Level.ERROR

    def __str__(self) -> str:
        where = ": ".join(part for part in (str(self.location or ""), self.path) if part)
        words = "; ".join(part for part in (self.what, self.why) if part)
        tail = f". {self.next[0].upper()}{self.next[1:]}" if self.next else ""
        tail += "" if tail[-1:] in {"", "?"} else "."
        return f"{where}: {words}{tail}" if where else f"{words}{tail}"

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON values, for ``--json`` and the control socket."""
        return asdict(self)


def position(finding: Finding) -> tuple[int, int]:
    """The sort key of the file's order: line and column; (0, 0) without a location."""
    location = finding.location
    return (location.line, location.column) if location else (0, 0)


class ConfigError(Exception):
    """A configuration that cannot be used; ``findings`` holds every reason, in file order."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings


def dotted(path: tuple[str | int, ...]) -> str:
    """``("devices", 2, "url")`` as ``devices[2].url``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
