"""Messages as data: a template and its arguments, formatted once, where a person reads them. Pure.

::

    UNKNOWN_DEVICE = Template("control.unknown_device", "device '{name}' is not configured")
    message = UNKNOWN_DEVICE(name="pump; hall 2")

    str(message)                  device 'pump; hall 2' is not configured
    message.format(translations)  機器「pump; hall 2」は設定されていません
    message.to_json()             {"id": "control.unknown_device", "args": {"name": "pump; hall 2"},
                                   "text": "device 'pump; hall 2' is not configured"}

A template is written in English and is its own key in the catalogue of translations, as gettext
has it. Its id names it to programs: on the wire, and as ``code`` in the JSON of an error. Ids of
templates that travel begin with the name of their module in `console.templates`, where
`console.catalogue` finds them again.

An argument is a text, a number, a duration, a message, or a tuple of them. It is inserted as it is
and never looked at again: whatever a device or a file calls itself stays in one piece.

Anything may import this module; it imports nothing of the project.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, Union

_FIELD: Final = re.compile(r"\{(\w+)\}")


class Translations(Protocol):
    """A catalogue in one language, as the standard library's `gettext.NullTranslations`."""

    def gettext(self, message: str, /) -> str:
        """The translation of a text; the text itself where there is none."""

    def ngettext(self, singular: str, plural: str, n: int, /) -> str:
        """The translation of the form for ``n``."""


class _English:
    """The language that templates are written in."""

    def gettext(self, message: str, /) -> str:
        return message

    def ngettext(self, singular: str, plural: str, n: int, /) -> str:
        return singular if n == 1 else plural


ENGLISH: Final[Translations] = _English()

Argument = Union[str, int, float, "Duration", "Message", tuple["Argument", ...]]


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence or a clause with named fields, ``{name}``; no field has a format of its own.

    Attributes:
        id: The name that programs know it by: the module's, a dot, the constant's in lower case.
        text: The English text; the form for the number 1 where there are two.
        plural: The form for every other number ``n``, which is then one of the arguments; ``""``
            where the text has one form.
    """

    id: str
    text: str
    plural: str = ""

    @property
    def fields(self) -> frozenset[str]:
        """The names of the arguments."""
        return frozenset(_FIELD.findall(self.text + self.plural))

    def __call__(self, **args: Argument) -> Message:
        """The message with these arguments; a test holds every call against `fields`."""
        return Message(self.id, tuple(sorted(args.items())), self)

    def pattern(self, translations: Translations, n: Any) -> str:
        """The text in a language, its fields not yet filled."""
        if self.plural:
            number = n if isinstance(n, int) else 0
            return translations.ngettext(self.text, self.plural, number)
        return translations.gettext(self.text)


@dataclass(frozen=True, slots=True)
class Message:
    """A template and its arguments, or a text whose template is not known here.

    Attributes:
        id: The template's id; ``""`` for a text that is not ours (`verbatim`).
        pairs: The arguments by name, sorted.
        template: ``None`` where this program does not know the id: then ``text`` is shown.
        text: The English text that came with an unknown id; ``""`` where there is a template.
    """

    id: str
    pairs: tuple[tuple[str, Argument], ...] = ()
    template: Template | None = None
    text: str = ""

    @property
    def args(self) -> dict[str, Argument]:
        """The arguments by name."""
        return dict(self.pairs)

    def format(self, translations: Translations = ENGLISH) -> str:
        """The message as a person reads it; each argument unchanged and in one piece."""
        if self.template is None:
            return self.text
        args = self.args
        pattern = self.template.pattern(translations, args.get("n"))
        return _FIELD.sub(lambda found: format_argument(args[found[1]], translations), pattern)

    def heading(self, translations: Translations = ENGLISH) -> str:
        """The message with a capital, as it stands in a cell of a table or above one."""
        said = self.format(translations)
        # Only what a template begins with: a name that stands there is not ours to change.
        return said[:1].upper() + said[1:] if _is_ours(self, translations) else said

    def sentence(self, translations: Translations = ENGLISH) -> str:
        """The message as a sentence of its own, with a capital and a full stop."""
        said = self.heading(translations)
        return (
            said
            if not said or said[-1] in ".?!。？！…"
            else said + _FULL_STOP.pattern(translations, None)
        )

    def __str__(self) -> str:
        return self.format()

    def __bool__(self) -> bool:
        return bool(self.id or self.text)

    def to_json(self) -> dict[str, Any]:
        """Id, arguments and English text, as JSON values; `console.catalogue.decode` reads them."""
        return {"id": self.id, "args": self.args_json(), "text": self.format()}

    def args_json(self) -> dict[str, Any]:
        """The arguments as JSON values."""
        return {name: _argument_json(value) for name, value in self.pairs}


@dataclass(frozen=True, slots=True)
class Duration:
    """A span of time, in seconds: ``2 min 20 s``, ``2分20秒``; below 10 s with one decimal."""

    seconds: float

    def format(self, translations: Translations = ENGLISH) -> str:
        """The two largest units, the second one left out where it is 0."""
        if 0 < self.seconds < 10 and self.seconds != int(self.seconds):
            return _SECONDS(seconds=f"{self.seconds:.1f}").format(translations)
        minutes, seconds = divmod(round(self.seconds), 60)
        hours, minutes = divmod(minutes, 60)
        days, hours = divmod(hours, 24)
        parts = [
            template(**{name: number}).format(translations)
            for template, name, number in (
                (_DAYS, "n", days),
                (_HOURS, "hours", hours),
                (_MINUTES, "minutes", minutes),
                (_SECONDS, "seconds", seconds),
            )
        ]
        numbers = (days, hours, minutes, seconds)
        first = next((place for place, number in enumerate(numbers) if number), 3)
        shown = [parts[at] for at in range(first, min(first + 2, 4)) if numbers[at] or at == first]
        return shown[0] if len(shown) == 1 else _pair(shown[0], shown[1], translations)


_DAYS: Final = Template("text.days", "{n} day", "{n} days")
_HOURS: Final = Template("text.hours", "{hours} h")
_MINUTES: Final = Template("text.minutes", "{minutes} min")
_SECONDS: Final = Template("text.seconds", "{seconds} s")
_PAIR: Final = Template("text.pair", "{first} {second}")
_FULL_STOP: Final = Template("text.full_stop", ".")
_JOINT: Final = Template("text.joint", ", ")
_LAST_JOINT: Final = Template("text.last_joint", " and ")
_CLAUSE_JOINT: Final = Template("text.clause_joint", "; ")

NO_MESSAGE: Final = Message("")


def verbatim(text: str) -> Message:
    """A text that is not ours, such as a device's own or a library's: the same in each language."""
    return Message("", text=text)


def format_argument(value: Argument, translations: Translations = ENGLISH) -> str:
    """One argument as it is inserted; a tuple as ``a, b and c``."""
    if isinstance(value, Message | Duration):
        return value.format(translations)
    if isinstance(value, tuple):
        return join(value, translations)
    return str(value)


def join(values: tuple[Argument, ...], translations: Translations = ENGLISH) -> str:
    """Several arguments as a list within a sentence."""
    parts = [format_argument(one, translations) for one in values]
    if len(parts) < 2:
        return "".join(parts)
    joint, last = _JOINT.pattern(translations, None), _LAST_JOINT.pattern(translations, None)
    return f"{joint.join(parts[:-1])}{last}{parts[-1]}"


def one_line(
    where: str,
    what: Message,
    why: Message = NO_MESSAGE,
    next_step: Message = NO_MESSAGE,
    translations: Translations = ENGLISH,
) -> str:
    """The parts of an error or a finding in one line: ``where: what; why. Next step.``."""
    joint = _CLAUSE_JOINT.pattern(translations, None)
    facts = [part.format(translations) for part in (what, why) if part]
    text = joint.join(facts)
    text = text if text.endswith(("?", "？")) else text + _FULL_STOP.pattern(translations, None)
    if next_step:
        text = _pair(text, next_step.sentence(translations), translations)
    return f"{where}: {text}" if where else text


class MessageError(Exception):
    """An error that a person reads: what, where, why, and the next step.

    Args:
        what: The fact, a clause without a full stop.
        where: A place: a file and line, a setting's path, a line and unit, an address.
        why: The cause, where it is known and not the fact itself.
        next_step: What to do about this cause, in the imperative.

    Attributes:
        number: Its number in docs/reference/codes.md, where it has one.
    """

    number: int | None = None

    def __init__(
        self,
        what: Message,
        *,
        where: str = "",
        why: Message = NO_MESSAGE,
        next_step: Message = NO_MESSAGE,
    ) -> None:
        super().__init__(what, where, why, next_step)
        self.what = what
        self.where = where
        self.why = why
        self.next_step = next_step

    def __str__(self) -> str:
        """One line in English, for a log."""
        return one_line(self.where, self.what, self.why, self.next_step)


def _is_ours(value: Argument, translations: Translations) -> bool:
    """Whether what a message begins with is a template's."""
    if not isinstance(value, Message) or value.template is None:
        return False
    pattern = value.template.pattern(translations, value.args.get("n"))
    if pattern not in (value.template.text, value.template.plural):
        return False  # a translation has its own capitals, and begins with the name of a setting
    field = _FIELD.match(pattern)
    return field is None or _is_ours(value.args[field[1]], translations)


def _pair(first: str, second: str, translations: Translations) -> str:
    return _PAIR(first=first, second=second).format(translations)


def _argument_json(value: Argument) -> Any:
    if isinstance(value, Message):
        return value.to_json()
    if isinstance(value, Duration):
        return {"seconds": value.seconds}
    if isinstance(value, tuple):
        return [_argument_json(one) for one in value]
    return value


def messages_in(value: Argument) -> Iterator[Message]:
    """A message and every message among its arguments."""
    if isinstance(value, tuple):
        for one in value:
            yield from messages_in(one)
    elif isinstance(value, Message):
        yield value
        for _name, inner in value.pairs:
            yield from messages_in(inner)


def fills(template: Template, args: Mapping[str, Argument]) -> bool:
    """Whether the arguments are those of the template, as no older program's need be."""
    return template.fields <= args.keys() and (not template.plural or isinstance(args["n"], int))
