"""What can be wrong with a profile, in words for whoever writes one. Pure.

`finding_of` says in our words what pydantic found; `contradictions` is what no single setting
shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from config.constraint import ValidationIssue, choices_at, given_value, settings_at
from config.setting_faults import SettingFault, typed_fault
from console.nearest import nearest
from console.templates import profile as texts
from console.templates.control import DID_YOU_MEAN
from console.text import NO_MESSAGE, Argument, Message, Template
from drivers.modbus.profile import DEFAULT_GROUP, IDENTITY_GROUP, Profile

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from config.yaml_source import Path as Setting
    from drivers.modbus.profile import Point


_TEXTS: Final[Mapping[str, tuple[Template, Template]]] = {
    "string_type": (texts.NOT_TEXT, texts.QUOTE),
    "string_too_short": (texts.EMPTY_TEXT, texts.FILL_IN),
    "string_too_long": (texts.LONG_TEXT, texts.SHORTEN),
    "string_pattern_mismatch": (texts.NOT_A_NAME, texts.NAME_FORM),
    "int_type": (texts.NOT_WHOLE, texts.WRITE_WHOLE),
    "int_parsing": (texts.NOT_WHOLE, texts.WRITE_WHOLE),
    "int_from_float": (texts.NOT_WHOLE, texts.WRITE_WHOLE),
    "float_parsing": (texts.NOT_A_NUMBER, texts.WRITE_NUMBER),
    "float_type": (texts.NOT_A_NUMBER, texts.WRITE_NUMBER),
    "decimal_parsing": (texts.NOT_A_NUMBER, texts.WRITE_NUMBER),
    "decimal_type": (texts.NOT_A_NUMBER, texts.WRITE_NUMBER),
    "finite_number": (texts.NOT_FINITE, texts.WRITE_NUMBER),
    "greater_than_equal": (texts.TOO_SMALL, texts.AT_LEAST),
    "less_than_equal": (texts.TOO_LARGE, texts.AT_MOST),
    "dataclass_type": (texts.NOT_A_SECTION, texts.INDENT_SETTINGS),
    "mapping_type": (texts.NOT_A_SECTION, texts.INDENT_SETTINGS),
    "dict_type": (texts.NOT_A_SECTION, texts.INDENT_SETTINGS),
    "tuple_type": (texts.NOT_A_LIST, texts.DASHES),
    "too_short": (texts.FEW_ENTRIES, texts.ENTRIES_AT_LEAST),
}
"""pydantic's error types: the fact, and the next step."""
_LIMITS: Final = ("ge", "le", "max_length", "min_length")
"""Where pydantic keeps the limit that a value broke."""


def finding_of(detail: ErrorDetails) -> SettingFault:
    """What pydantic found, in our words."""
    path: Setting = tuple(step for step in detail["loc"] if step != "[key]")
    issue = ValidationIssue.of(detail)
    kind, context = issue.kind, issue.context
    given = given_value(detail["input"])
    if kind == "unexpected_keyword_argument":
        return _unknown_key(path)
    if kind == "missing":
        step = texts.ADD_TO_FILE() if len(path) == 1 else texts.ADD_TO_ENTRY()
        return SettingFault(path=path, what=texts.MISSING(name=str(path[-1])), next=step)
    if typed := typed_fault(detail["input"], path, kind):
        return typed
    if kind in ("enum", "literal_error"):
        what = texts.NOT_A_CHOICE(given=given)
        step = choice(str(detail["input"]), choices_at(Profile, path))
        return SettingFault(path=path, what=what, next=step)
    if kind == "unknown":
        step = choice(str(context["given"]), context["known"])
        return SettingFault(path=path, what=issue.message, next=step)
    if kind in _TEXTS:
        fact, remedy = _TEXTS[kind]
        args = {"given": given, "limit": _limit(context)}
        return SettingFault(path=path, what=_filled(fact, args), next=_filled(remedy, args))
    return SettingFault(path=path, what=issue.message, next=context.get("next", NO_MESSAGE))


def _filled(template: Template, args: Mapping[str, Argument]) -> Message:
    return template(**{name: args[name] for name in template.fields})


def _limit(context: Mapping[str, object]) -> Argument:
    """The limit that a value broke, as it is written."""
    found = next((context[name] for name in _LIMITS if name in context), "")
    return found if isinstance(found, int | float) else str(found)


def contradictions(profile: Profile) -> Iterator[SettingFault]:
    """What the settings say against each other."""
    seen: dict[tuple[str, ...], int] = {}
    known = {DEFAULT_GROUP, IDENTITY_GROUP, *profile.groups}
    if not profile.points:
        yield SettingFault(path=("points",), what=texts.NO_POINTS(), next=texts.ADD_POINT())
    for index, point in enumerate(profile.points):
        path: Setting = ("points", index)
        if point.target in seen:
            first = profile.points[seen[point.target]]
            target = " ".join(word for word in point.target if word)
            what = texts.SECOND_POINT(target=target, first=first.at)
            yield SettingFault(path=path, what=what, next=texts.REMOVE_POINT())
        seen.setdefault(point.target, index)
        if point.poll_group not in known:
            yield SettingFault(
                path=(*path, "group"),
                what=texts.UNKNOWN_GROUP(name=point.poll_group),
                next=choice(point.poll_group, sorted(known)),
            )
        yield from _untouchable(profile, point, path)
    used = {point.poll_group for point in profile.points}
    for name in profile.groups:
        if name not in used:
            what = texts.EMPTY_GROUP(name=name)
            yield SettingFault(path=("groups", name), what=what, next=texts.FILL_GROUP())
    for index, gap in enumerate(profile.readable):
        for other in profile.forbidden:
            if gap.table is other.table and gap.first <= other.last and other.first <= gap.last:
                what = texts.READABLE_AND_FORBIDDEN(first=gap.first, last=gap.last)
                yield SettingFault(path=("readable", index), what=what, next=texts.REMOVE_OVERLAP())


def _untouchable(profile: Profile, point: Point, path: Setting) -> Iterator[SettingFault]:
    span = point.span
    limit = profile.modbus.max_registers
    if not point.table.bits and span.count > limit:
        what = texts.LONG_POINT(registers=span.count, limit=limit)
        yield SettingFault(path=path, what=what, next=texts.RAISE_LIMIT())
    for gap in profile.forbidden:
        if gap.table is span.table and gap.first < span.end and span.address <= gap.last:
            what = texts.FORBIDDEN(first=gap.first, last=gap.last)
            yield SettingFault(path=path, what=what, next=texts.LEAVE_RANGE())


def choice(given: str, known: Sequence[str]) -> Message:
    """The next step where ``given`` is not one of ``known``: the nearest, else all of them."""
    close = nearest(given, known)
    if close:
        return DID_YOU_MEAN(name=close)
    use = texts.USE_ONE_OF if len(known) > 1 else texts.USE
    return use(known=tuple(known))


def _unknown_key(path: Setting) -> SettingFault:
    known = settings_at(Profile, path[:-1])
    return SettingFault(
        path=path,
        what=texts.UNKNOWN_SETTING(name=str(path[-1])),
        next=choice(str(path[-1]), known),
        key=True,
    )
