"""Constraints on settings, written beside their types; only a validator reads them. Pure.

The settings are plain dataclasses, so that the daemon can hold them without the library that
validates them: these marks load pydantic when a validator is built, not before.
(`annotated_types` has the usual ones: ``Ge``, ``Le``, ``MaxLen``.)

    port: Annotated[int, Exact(), Ge(1), Le(65535)]
    name: Annotated[str, Pattern(r"^[a-z]+$"), Checked(_free)]

Constraints between the settings of a section are in its ``__post_init__``.

Source: pydantic 2, "custom types": ``__get_pydantic_core_schema__``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin, get_type_hints

from console.templates import config as messages
from console.text import Argument, Message

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema, ErrorDetails

_SHOWN: Final = 60
"""The most characters of a value that is shown in a message; of a longer one, only its length."""
RULES: Final = {
    "extra": "forbid",
    "use_attribute_docstrings": True,
    "allow_inf_nan": False,
}
"""The ``__pydantic_config__`` of every section: a key nobody knows is an error."""


class InvalidValueError(ValueError):
    """A value that cannot be used, with a message of our own.

    Attributes:
        kind: One word, by which a next step is chosen.
        message: The fact.
        context: Values for that next step; or, as messages, ``why`` and ``next`` themselves.
    """

    def __init__(self, kind: str, message: Message, **context: Any) -> None:
        super().__init__(str(message))
        self.kind = kind
        self.message = message
        self.context = context


@dataclass(frozen=True, slots=True)
class Check:
    """The value passes through ``check``, which returns it or raises `InvalidValueError`.

    Attributes:
        check: The function; it gets the value after its type was validated.
        first: Whether it gets the value before that, as it was given.
    """

    check: Callable[[Any], Any]
    first: bool = False

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from pydantic_core import core_schema

        wrap = (
            core_schema.no_info_before_validator_function
            if self.first
            else core_schema.no_info_after_validator_function
        )
        return wrap(self.check, handler(source))


@dataclass(frozen=True, slots=True)
class Pattern:
    """The text matches this regular expression."""

    regex: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return _with(handler(source), pattern=self.regex)


@dataclass(frozen=True, slots=True)
class Exact:
    """Values of other types are not converted: no ``"1"``, ``1.0`` or ``true`` for a number."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return _with(handler(source), strict=True)


def _with(schema: CoreSchema, **more: Any) -> CoreSchema:
    return {**schema, **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationIssue:
    """An error of the validator about one value.

    Attributes:
        kind: pydantic's type of error, or the kind of an `InvalidValueError`.
        message: The message of an `InvalidValueError`; else that the value is not valid, for
            pydantic's own words are for programmers.
        context: Values for the text of that kind.
    """

    kind: str
    message: Message
    context: dict[str, Any]

    @classmethod
    def of(cls, detail: ErrorDetails) -> ValidationIssue:
        """Read one entry of ``ValidationError.errors()``."""
        context = detail.get("ctx") or {}
        error = context.get("error")
        if isinstance(error, InvalidValueError):
            return cls(kind=error.kind, message=error.message, context=error.context)
        return cls(kind=detail["type"], message=_invalid(detail["input"]), context=context)


def _invalid(value: object) -> Message:
    return messages.INVALID(given=given_value(value))


def given_value(value: object) -> Argument:
    """A value of a file as it is shown in a message: a text in quotes, a section as ``a section``.

    Of a long text or number only the length is shown: nothing is cut.
    """
    if value is None:
        return messages.NOTHING()
    if isinstance(value, Mapping):
        return messages.SECTION()
    if isinstance(value, list | tuple):
        return messages.LIST()
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if len(text) > _SHOWN:
        return messages.LONG_VALUE(n=len(text))
    return messages.QUOTED(text=text) if isinstance(value, str) else text


def settings_at(section: type, path: Iterable[str | int]) -> list[str]:
    """The names of the settings in the section at ``path`` below ``section``; [] without one.

    A list's index or a group's name in the path does not lead to another section.
    """
    found = _section_at(section, path)
    return [] if found is None else [field.name for field in fields(found)]


def choices_at(section: type, path: Sequence[str | int]) -> tuple[str, ...]:
    """What the setting at ``path`` below ``section`` may be, where its type lists it; else ()."""
    names = [step for step in path if isinstance(step, str)]
    for end in range(len(names) - 1, -1, -1):  # a name that is not a setting is a key of a mapping
        owner = _section_at(section, names[:end])
        given = get_type_hints(owner, include_extras=True).get(names[end]) if owner else None
        if given is not None:
            return tuple(_choices_in(given))
    return ()


def _choices_in(annotation: object) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (str(member.value) for member in annotation)
    elif get_origin(annotation) is Literal:
        yield from map(str, get_args(annotation))
    else:
        for part in get_args(annotation):
            yield from _choices_in(part)


def _section_at(section: type, path: Iterable[str | int]) -> type | None:
    for step in path:
        given = get_type_hints(section).get(step) if isinstance(step, str) else None
        if given is None:
            continue
        inner = _section_in(given)
        if inner is None:
            return None
        section = inner
    return section


def _section_in(annotation: object) -> type | None:
    if isinstance(annotation, type) and is_dataclass(annotation):
        return annotation
    return next((found for part in get_args(annotation) if (found := _section_in(part))), None)
