"""What is wrong with one setting, in our words: pydantic's are for programmers. Pure.

Also for profiles, whose sections are validated in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from config.constraint import ValidationIssue, choices_at, given_value, settings_at
from config.finding import Finding, dotted
from config.yaml_faults import value_fault
from console.nearest import nearest
from console.templates import config as messages
from console.templates import device_url
from console.templates import value as values
from console.templates.control import DID_YOU_MEAN
from console.text import NO_MESSAGE, Argument, Message, Template

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from config.yaml_source import Path, Source

_SECRET: Final = frozenset({"password", "token"})
"""Settings whose values are never repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingFault:
    """One thing that is wrong with a setting.

    Attributes:
        path: The setting.
        what: The fact.
        why: Why it is wrong.
        next: What to do about it.
        key: Whether the name is wrong, not the value.
        index: The character of the value that is wrong; -1 for all of it.
    """

    path: Path
    what: Message
    why: Message = NO_MESSAGE
    next: Message = NO_MESSAGE
    key: bool = False
    index: int = -1


def located(fault: SettingFault, source: Source) -> Finding:
    """The finding of a fault, at its place in the file."""
    location = source.location(fault.path, key=fault.key)
    if fault.index >= 0:
        column = location.column + fault.index + (fault.path in source.quoted)
        location = replace(location, column=column)
    return Finding(
        what=fault.what,
        why=fault.why,
        next=fault.next,
        path=dotted(fault.path),
        location=location,
    )


_VALUES: Final[Mapping[str, tuple[Template, Template]]] = {
    "string_type": (values.NOT_TEXT, values.QUOTE),
    "string_too_short": (values.EMPTY_TEXT, values.FILL_IN),
    "string_too_long": (values.LONG_TEXT, values.CHARACTERS_AT_MOST),
    "bool_parsing": (messages.NOT_BOOLEAN, messages.WRITE_BOOLEAN),
    "bool_type": (messages.NOT_BOOLEAN, messages.WRITE_BOOLEAN),
    "int_parsing": (values.NOT_WHOLE, values.WRITE_WHOLE),
    "int_type": (values.NOT_WHOLE, values.WRITE_WHOLE),
    "int_from_float": (values.NOT_WHOLE, values.WRITE_WHOLE),
    "float_parsing": (values.NOT_A_NUMBER, values.WRITE_NUMBER),
    "float_type": (values.NOT_A_NUMBER, values.WRITE_NUMBER),
    "decimal_parsing": (values.NOT_A_NUMBER, values.WRITE_NUMBER),
    "decimal_type": (values.NOT_A_NUMBER, values.WRITE_NUMBER),
    "finite_number": (values.NOT_FINITE, values.WRITE_NUMBER),
    "greater_than": (values.TOO_SMALL, values.MORE_THAN),
    "greater_than_equal": (values.TOO_SMALL, values.AT_LEAST),
    "less_than_equal": (values.TOO_LARGE, values.AT_MOST),
    "dataclass_type": (values.NOT_A_SECTION, values.WRITE_SECTION),
    "mapping_type": (values.NOT_A_SECTION, values.WRITE_SECTION),
    "dict_type": (values.NOT_A_SECTION, values.WRITE_SECTION),
    "tuple_type": (values.NOT_A_LIST, values.WRITE_LIST),
    "too_short": (messages.FEW_ENTRIES, messages.ENTRIES_AT_LEAST),
    "too_long": (messages.TOO_MANY_ENTRIES, messages.ENTRIES_AT_MOST),
}
"""pydantic's error types: the fact, and the next step."""
_LIMITS: Final = ("gt", "ge", "le", "max_length", "min_length")
"""Where pydantic keeps the limit that a value broke."""


def value_words(
    kind: str, given: Argument, context: Mapping[str, Any]
) -> tuple[Message, Message] | None:
    """The fact and the next step of an error of pydantic's; ``None`` for a kind without words.

    Args:
        kind: pydantic's type of the error.
        given: The value, as it is shown.
        context: What pydantic says beside it, such as a limit.
    """
    if kind not in _VALUES:
        return None
    limit = next((context[name] for name in _LIMITS if name in context), "")
    args = {"given": given, "limit": limit if isinstance(limit, int | float) else str(limit)}
    fact, step = (
        template(**{name: args[name] for name in template.fields}) for template in _VALUES[kind]
    )
    return fact, step


_FORMS: Final[Mapping[str | int, Callable[[Argument], tuple[Message, Message]]]] = {
    "listen": lambda given: (messages.LISTEN(given=given), messages.LISTEN_FORM()),
    "time_zone": lambda given: (messages.TIME_ZONE(name=given), messages.IANA()),
    "broker": lambda _: (messages.BROKER_PROTOCOL(), messages.BROKER_FORM()),
    "url": lambda _: (device_url.NO_PROTOCOL(), device_url.BEGIN_URL()),
}
"""The same for settings that another value than a text would not fit even in quotation marks."""
_SYNONYMS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("interval", "period", "poll_interval", "polling_interval"), "every_s"),
    **dict.fromkeys(("address", "host", "ip", "ip_address"), "url"),
    **dict.fromkeys(("ct", "ct_ratio"), "current_ratio"),
    **dict.fromkeys(("vt", "vt_ratio", "pt", "pt_ratio"), "voltage_ratio"),
    **dict.fromkeys(("description", "title"), "label"),
}
"""Settings by the names that other products have for them."""


def describe(detail: ErrorDetails, issue: ValidationIssue, root: type) -> SettingFault:
    """What is wrong with a setting.

    Args:
        detail: An entry of ``ValidationError.errors()``.
        issue: The same, read.
        root: The section that the whole file is.
    """
    path: Path = (*detail["loc"], *issue.context.get("at", ()))
    given = detail["input"]
    if issue.kind == "unexpected_keyword_argument":
        return _unknown(path, given, root)
    if issue.kind == "missing":
        name = str(path[-1])
        what, step = values.MISSING(name=name), messages.ADD_SETTING(name=name)
        return SettingFault(path=path, what=what, next=step)
    if path and path[-1] in _SECRET:
        what, why = messages.NOT_A_REFERENCE(), messages.TRAVELS()
        return SettingFault(path=path, what=what, why=why, next=messages.STORE_SECRET())
    if given is None:
        what, step = _empty(path, issue.kind)
        return SettingFault(path=path, what=what, next=step)
    if typed := typed_fault(given, path, issue.kind):
        return typed
    if issue.kind == "string_pattern_mismatch":
        what, step = _pattern(path, given)
    elif issue.kind == "string_type" and path and path[-1] in _FORMS:
        what, step = _FORMS[path[-1]](given_value(given))
    elif issue.kind in ("enum", "literal_error"):
        what = values.NOT_A_CHOICE(given=given_value(given))
        step = messages.CHOICES(choices=choices_at(root, path))
    elif words := value_words(issue.kind, given_value(given), issue.context):
        what, step = words
    else:
        what, step = issue.message, issue.context.get("next", messages.SEE_REFERENCE())
    why = issue.context.get("why", NO_MESSAGE)
    return SettingFault(path=path, what=what, why=why, next=step)


def typed_fault(given: object, path: Path, kind: str) -> SettingFault | None:
    """The fault of a refused text that was written with an input method, or without its colon.

    Args:
        given: The value of the file.
        path: Its setting; a label may have any character.
        kind: pydantic's type of the error.
    """
    if not isinstance(given, str) or (path and path[-1] == "label"):
        return None
    found = value_fault(given, setting=kind in ("dataclass_type", "dict_type", "mapping_type"))
    if found is None:
        return None
    index, fault = found
    return SettingFault(path=path, what=fault.what, next=fault.next, index=index)


def _unknown(path: Path, given: object, root: type) -> SettingFault:
    """The fault of a setting that its section does not have."""
    name, known = str(path[-1]), settings_at(root, path[:-1])
    first, *more = name.split() or [name]
    if given is None and more and first in known:
        typed = value_fault(name, setting=True)
        if typed:
            return SettingFault(path=path, what=typed[1].what, next=typed[1].next, key=True)
    synonym = _SYNONYMS.get(name.lower())
    close = synonym if synonym in known else nearest(name, known)
    step = DID_YOU_MEAN(name=close) if close else messages.KNOWN_SETTINGS(known=tuple(known))
    return SettingFault(path=path, what=values.UNKNOWN_SETTING(name=name), next=step, key=True)


def _empty(path: Path, kind: str) -> tuple[Message, Message]:
    """The fault of a setting without a value."""
    if path and isinstance(path[-1], int):
        return messages.EMPTY_ENTRY(name=dotted(path[:-1])), messages.FILL_ENTRY()
    name = dotted(path[-1:])
    if kind == "dataclass_type":
        return messages.EMPTY_SECTION(name=name), values.WRITE_SECTION()
    if kind == "tuple_type":
        return messages.EMPTY_LIST(name=name), messages.FILL_LIST(name=name)
    return messages.NO_VALUE(name=name), messages.WRITE_VALUE(name=name)


def _pattern(path: Path, given: object) -> tuple[Message, Message]:
    if path[-1] == "name":
        return values.NOT_A_NAME(given=given_value(given)), messages.NAME_FORM()
    return messages.CONTROL_CHARACTERS(), messages.REMOVE_CHARACTERS()
