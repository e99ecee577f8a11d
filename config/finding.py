"""A finding of a check: where, what, why, and the next step.

Every check in Kanmon reports findings, whether it read a file, a profile or a bus.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from console.catalogue import decode
from console.templates import config as messages
from console.text import ENGLISH, NO_MESSAGE, Message, Translations, one_line


class Level(StrEnum):
    """Whether a finding stops the configuration from being used."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLocation:
    """A position in a file; line and column count from 1, and are 0 for the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a finding applies: a setting's path, and its position in the file."""

    path: str = ""
    location: SourceLocation | None = None

    def __str__(self) -> str:
        return ": ".join(part for part in (str(self.location or ""), self.path) if part)

    def to_json(self) -> dict[str, Any]:
        """The place as JSON values."""
        return {"path": self.path, "location": asdict(self.location) if self.location else None}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Place:
        """The place that `to_json` wrote; raises ``TypeError`` or ``KeyError``."""
        location = value.get("location")
        return cls(
            path=str(value.get("path", "")),
            location=SourceLocation(**location) if location else None,
        )


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
        others: Further places with the same problem of the same cause (`fold`).
    """

    what: Message
    why: Message = NO_MESSAGE
    next: Message = NO_MESSAGE
    path: str = ""
    location: SourceLocation | None = None
    level: Level = Level.ERROR
    others: tuple[Place, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """Every place, the first one first."""
        return (Place(path=self.path, location=self.location), *self.others)

    @property
    def where(self) -> str:
        """The first place: the position in the file, and the setting's path."""
        return str(self.places[0])

    def line(self, translations: Translations = ENGLISH) -> str:
        """The finding in one line, with its first place and the number of the others."""
        where = self.where
        if self.others:
            where = messages.PLACES(place=where, n=len(self.others)).format(translations)
        return one_line(where, self.what, self.why, self.next, translations)

    def __str__(self) -> str:
        return self.line()

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON values for ``--json``, its texts in English."""
        return {
            "code": self.what.id,
            "message": str(self),
            "args": self.what.args_json(),
            "what": str(self.what),
            "why": str(self.why),
            "next": str(self.next),
            **self.places[0].to_json(),
            "places": [place.to_json() for place in self.places],
            "level": self.level.value,
        }

    def to_wire(self) -> dict[str, Any]:
        """The finding as JSON values for the control socket, its texts as messages."""
        return {
            "what": self.what.to_json(),
            "why": self.why.to_json() if self.why else None,
            "next": self.next.to_json() if self.next else None,
            **self.places[0].to_json(),
            "others": [place.to_json() for place in self.others],
            "level": self.level.value,
        }

    @classmethod
    def from_wire(cls, value: dict[str, Any]) -> Finding:
        """The finding that `to_wire` wrote; raises `ValueError` for anything else."""
        try:
            first, level = Place.from_json(value), value.get("level")
            return cls(
                what=decode(value["what"]),
                why=_decode_or_none(value.get("why")),
                next=_decode_or_none(value.get("next")),
                path=first.path,
                location=first.location,
                others=tuple(map(Place.from_json, value.get("others", ()))),
                level=Level.WARNING if level == Level.WARNING else Level.ERROR,
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("not a finding") from error


def _decode_or_none(value: Any) -> Message:
    return decode(value) if value else NO_MESSAGE


def position(finding: Finding) -> tuple[int, int]:
    """The sort key of the file's order: line and column; (0, 0) without a location."""
    location = finding.location
    return (location.line, location.column) if location else (0, 0)


def fold(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings in the file's order, those of one cause as one with all its places."""
    first: dict[tuple[Message, Message, Message, Level], Finding] = {}
    places: dict[tuple[Message, Message, Message, Level], dict[Place, None]] = {}
    for one in sorted(findings, key=position):
        cause = (one.what, one.why, one.next, one.level)
        first.setdefault(cause, one)
        places.setdefault(cause, {}).update(dict.fromkeys(one.places))
    return tuple(replace(one, others=tuple(places[cause])[1:]) for cause, one in first.items())


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
