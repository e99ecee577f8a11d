"""What a setting may be, written beside its type; only whoever validates reads it. Pure.

The settings are plain dataclasses, so that the daemon can hold them without the library that
validates them: these marks bring pydantic in when a validator is built, not before.
(`annotated_types` has the usual ones: ``Ge``, ``Le``, ``MaxLen``.)

    port: Annotated[int, Exact(), Ge(1), Le(65535)]
    name: Annotated[str, Pattern(r"^[a-z]+$"), Checked(_free)]

A whole section says in ``__post_init__`` what its settings must be to each other.

Source: pydantic 2, "custom types": ``__get_pydantic_core_schema__``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final, get_args, get_type_hints

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema, ErrorDetails

RULES: Final = {
    "extra": "forbid",
    "use_attribute_docstrings": True,
    "allow_inf_nan": False,
}
"""The ``__pydantic_config__`` of every section: a key nobody knows is an error."""


class Refusal(ValueError):  # noqa: N818 # a refusal is what it is, and what it is called here
    """A value that cannot be used, in our words.

    Attributes:
        kind: One word, for whoever adds the next step.
        context: What that needs to know.
    """

    def __init__(self, kind: str, message: str, **context: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self.context = context


@dataclass(frozen=True, slots=True)
class Checked:
    """The value passes through ``check``, which returns it or raises `Refusal`.

    Attributes:
        check: Gets the value, of the right type already.
        first: Gets it as it was given instead.
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
    """Nothing else is converted to the type: no ``"1"``, no ``1.0``, no ``true`` for a number."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return _with(handler(source), strict=True)


@dataclass(frozen=True, slots=True)
class Digits:
    """The decimal number has at most so many digits."""

    most: int

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return _with(handler(source), max_digits=self.most)


def _with(schema: CoreSchema, **more: Any) -> CoreSchema:
    return {**schema, **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What the validator says against one value.

    Attributes:
        kind: pydantic's type of error, or the `Refusal`'s.
        message: The `Refusal`'s words; of pydantic's own errors, pydantic's.
        context: What the words of that kind may need.
    """

    kind: str
    message: str
    context: dict[str, Any]

    @classmethod
    def of(cls, detail: ErrorDetails) -> Complaint:
        """Read one entry of ``ValidationError.errors()``."""
        context = detail.get("ctx") or {}
        error = context.get("error")
        if isinstance(error, Refusal):
            return cls(kind=error.kind, message=str(error), context=error.context)
        return cls(kind=detail["type"], message=detail["msg"], context=context)


def settings_at(section: type, path: Iterable[str | int]) -> list[str]:
    """The settings that the section at ``path`` below ``section`` may hold.

    A list's position or a group's name leads no deeper; where there is no section, nothing.
    """
    for step in path:
        if not isinstance(step, str):
            continue
        given = get_type_hints(section).get(step)
        if given is None:
            continue
        inner = _section_in(given)
        if inner is None:
            return []
        section = inner
    return [field.name for field in fields(section)]


def _section_in(annotation: object) -> type | None:
    if isinstance(annotation, type) and is_dataclass(annotation):
        return annotation
    return next((found for part in get_args(annotation) if (found := _section_in(part))), None)
