"""A finding of a check: where, what, why, and the next step.

Every check in Kanmon reports findings, whether it read a file, a profile or a bus.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from console.catalogue import decode
from console.text import NO_MESSAGE, Message, as_message, one_line


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
        why: Why that is a problem; `NO_MESSAGE` where the fact says it.
        next: The next step; `NO_MESSAGE` where the fact says it.
        path: The setting's path: ``devices[2].url``.
        location: The setting's position in the file, if it is written there.
        level: Whether it stops the configuration from being used.
    """

    what: Any  # BRIDGE: Message
    why: Any = NO_MESSAGE
    next: Any = NO_MESSAGE
    path: str = ""
    location: SourceLocation | None = None
    level: Level = Level.ERROR

    def __post_init__(self) -> None:  # BRIDGE: until every text is a template
        for name in ("what", "why", "next"):
            object.__setattr__(self, name, as_message(getattr(self, name)))

    @property
    def where(self) -> str:
        """The place: the position in the file, and the setting's path."""
        return ": ".join(part for part in (str(self.location or ""), self.path) if part)

    def __str__(self) -> str:
        return one_line(self.where, self.what, self.why, self.next)

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON values for ``--json``, its texts in English."""
        return {
            "code": self.what.id,
            "message": str(self),
            "args": self.what.args_json(),
            "what": str(self.what),
            "why": str(self.why),
            "next": str(self.next),
            "path": self.path,
            "location": asdict(self.location) if self.location else None,
            "level": self.level.value,
        }

    def to_wire(self) -> dict[str, Any]:
        """The finding as JSON values for the control socket, its texts as messages."""
        return {
            "what": self.what.to_json(),
            "why": self.why.to_json() if self.why else None,
            "next": self.next.to_json() if self.next else None,
            "path": self.path,
            "location": asdict(self.location) if self.location else None,
            "level": self.level.value,
        }

    @classmethod
    def from_wire(cls, value: dict[str, Any]) -> Finding:
        """The finding that `to_wire` wrote; raises `ValueError` for anything else."""
        location, path, level = value.get("location"), value.get("path", ""), value.get("level")
        try:
            return cls(
                what=decode(value["what"]),
                why=_decode_or_none(value.get("why")),
                next=_decode_or_none(value.get("next")),
                path=str(path),
                location=SourceLocation(**location) if location else None,
                level=Level.WARNING if level == Level.WARNING else Level.ERROR,
            )
        except (KeyError, TypeError) as error:
            raise ValueError("not a finding") from error


def _decode_or_none(value: Any) -> Message:
    return decode(value) if value else NO_MESSAGE


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
