"""What can be wrong with a profile, in words for whoever writes one. Pure.

`finding_of` says in our words what pydantic found; `contradictions` is what no single setting
shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config.constraint import ValidationIssue, settings_at
from console.nearest import nearest
from console.text import NO_MESSAGE, Message
from drivers.modbus.profile import DEFAULT_GROUP, IDENTITY_GROUP, Profile

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from config.yaml_source import Path as Setting
    from drivers.modbus.profile import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with a profile.

    Attributes:
        path: The place in the document.
        what: The fact.
        next: What to do about it.
        key: Whether the key is wrong, not its value.
    """

    path: Setting
    what: Message | str
    next: Message | str = NO_MESSAGE
    key: bool = False


_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "string_type": ("{given} is not text", "put it in quotes"),
    "string_too_short": ("it is empty", "say what it is"),
    "string_too_long": ("the text is too long", "at most {max_length} characters are kept"),
    "string_pattern_mismatch": ("{given} is no name", "use a to z, 0 to 9 and hyphens"),
    "int_type": ("{given} is no whole number", ""),
    "int_parsing": ("{given} is no whole number", ""),
    "int_from_float": ("{given} is no whole number", ""),
    "float_parsing": ("{given} is no number", ""),
    "float_type": ("{given} is no number", ""),
    "decimal_parsing": ("{given} is no number", ""),
    "decimal_type": ("{given} is no number", ""),
    "finite_number": ("{given} is no finite number", ""),
    "greater_than_equal": ("{given} is too small", "it must be {ge} or more"),
    "less_than_equal": ("{given} is too large", "it may be {le} at most"),
    "dataclass_type": ("{given} is no section", "write its settings below it, indented"),
    "mapping_type": ("{given} is no section", "write its entries below it, indented"),
    "dict_type": ("{given} is no section", "write its entries below it, indented"),
    "tuple_type": ("{given} is no list", "write each entry on its own line, after a dash"),
    "too_short": ("there are too few", "at least {min_length} are needed"),
}
"""pydantic's error types in our words: what is wrong, and what to do."""


def finding_of(detail: ErrorDetails) -> Fault:
    """What pydantic found, in our words."""
    path: Setting = tuple(step for step in detail["loc"] if step != "[key]")
    complaint = ValidationIssue.of(detail)
    kind, context = complaint.kind, complaint.context
    given = _shown(detail["input"])
    if kind == "unexpected_keyword_argument":
        return _unknown_key(path)
    if kind == "missing":
        section = "the file" if len(path) == 1 else "this entry"
        return Fault(path=path, what=f"{path[-1]!r} is missing", next=f"add it to {section}")
    if kind in ("enum", "literal_error"):
        words = re.findall(r"'([^']*)'", str(context.get("expected"))) or [
            str(context.get("expected"))
        ]
        return Fault(
            path=path,
            what=f"{given} is not one of the choices",
            next=did_you_mean(str(detail["input"]), words),
        )
    if kind == "unknown":
        return Fault(
            path=path,
            what=complaint.message,
            next=did_you_mean(str(context["given"]), context["known"]),
        )
    if kind in _WORDS:
        what, step = (text.format_map({"given": given, **context}) for text in _WORDS[kind])
        return Fault(path=path, what=what, next=step)
    return Fault(path=path, what=complaint.message)


def contradictions(profile: Profile) -> Iterator[Fault]:
    """What the settings say against each other."""
    seen: dict[tuple[str, ...], int] = {}
    known = {DEFAULT_GROUP, IDENTITY_GROUP, *profile.groups}
    if not profile.points:
        yield Fault(path=("points",), what="no point is given")
    for index, point in enumerate(profile.points):
        path: Setting = ("points", index)
        if point.target in seen:
            first = profile.points[seen[point.target]]
            words = " ".join(word for word in point.target if word)
            yield Fault(path=path, what=f"a second point is {words}, beside the one at {first.at}")
        seen.setdefault(point.target, index)
        if point.poll_group not in known:
            yield Fault(
                path=(*path, "group"),
                what=f"there is no group {point.poll_group!r}",
                next=did_you_mean(point.poll_group, sorted(known)),
            )
        yield from _untouchable(profile, point, path)
    used = {point.poll_group for point in profile.points}
    for name in profile.groups:
        if name not in used:
            yield Fault(path=("groups", name), what=f"no point is in group {name!r}")
    for index, gap in enumerate(profile.readable):
        for other in profile.forbidden:
            if gap.table is other.table and gap.first <= other.last and other.first <= gap.last:
                what = f"{gap.first}..{gap.last} is readable and forbidden"
                yield Fault(path=("readable", index), what=what)


def _untouchable(profile: Profile, point: Point, path: Setting) -> Iterator[Fault]:
    span = point.span
    limit = profile.modbus.max_registers
    if not point.table.bits and span.count > limit:
        yield Fault(
            path=path, what=f"it takes {span.count} registers; one read may ask for {limit}"
        )
    for gap in profile.forbidden:
        if gap.table is span.table and gap.first < span.end and span.address <= gap.last:
            yield Fault(path=path, what=f"it lies in what is forbidden, {gap.first}..{gap.last}")


def did_you_mean(given: str, known: list[str]) -> str:
    """A suggestion, else what there is."""
    close = nearest(given, known)
    if close:
        return f"did you mean {close}?"
    return f"it may be {', '.join(known)}" if len(known) <= 12 else ""


def _unknown_key(path: Setting) -> Fault:
    known = settings_at(Profile, path[:-1])
    return Fault(
        path=path,
        what=f"there is no setting {str(path[-1])!r} here",
        next=did_you_mean(str(path[-1]), known) or f"it may hold {', '.join(known)}",
        key=True,
    )


def _shown(value: object) -> str:
    if value is None or isinstance(value, dict | list | tuple):
        return "nothing" if value is None else "a section" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
