"""What can be wrong with a profile, in words for whoever writes one. Pure.

`finding_of` says in our words what pydantic found; `contradictions` is what no single setting
shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from config.constraint import ValidationIssue, choices_at, given_value, settings_at
from config.setting_faults import SettingFault, typed_fault, value_words
from console.nearest import nearest
from console.templates import profile as texts
from console.templates import value as values
from console.templates.control import DID_YOU_MEAN
from console.text import NO_MESSAGE, Message
from drivers.modbus.profile import DEFAULT_GROUP, IDENTITY_GROUP, Profile

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from config.yaml_source import Path as Setting
    from drivers.modbus.profile import Point


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
        return SettingFault(path=path, what=values.MISSING(name=str(path[-1])), next=step)
    if typed := typed_fault(detail["input"], path, kind):
        return typed
    if kind in ("enum", "literal_error"):
        what = values.NOT_A_CHOICE(given=given)
        step = choice(str(detail["input"]), choices_at(Profile, path))
        return SettingFault(path=path, what=what, next=step)
    if kind == "unknown":
        step = choice(str(context["given"]), context["known"])
        return SettingFault(path=path, what=issue.message, next=step)
    if kind == "string_pattern_mismatch":
        return SettingFault(path=path, what=values.NOT_A_NAME(given=given), next=texts.NAME_FORM())
    if words := value_words(kind, given, context):
        return SettingFault(path=path, what=words[0], next=words[1])
    return SettingFault(path=path, what=issue.message, next=context.get("next", NO_MESSAGE))


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
    use = values.USE_ONE_OF if len(known) > 1 else values.USE
    return use(known=tuple(known))


def _unknown_key(path: Setting) -> SettingFault:
    known = settings_at(Profile, path[:-1])
    return SettingFault(
        path=path,
        what=values.UNKNOWN_SETTING(name=str(path[-1])),
        next=choice(str(path[-1]), known),
        key=True,
    )
