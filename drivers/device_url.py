r"""The one way to name a device, in configuration and on the command line.

::

    modbus-tcp://192.0.2.7:502/?unit=3&profile=eastron-sdm630
    \________/   \_______/ \_/ |\___________________________/
      scheme       host   port path          query

Pure. Source: design section 3; RFC 3986.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from config.finding import Finding
from console.nearest import nearest
from console.templates import device_url as texts
from console.templates import value as values
from console.templates.control import DID_YOU_MEAN
from console.text import Message, MessageError

if TYPE_CHECKING:
    from collections.abc import Iterable

HOST_LIMIT: Final = 253
"""Characters of a host's name (RFC 1035, 2.3.4)."""


class UrlError(MessageError, ValueError):
    """A text that is not a device URL; ``where`` is the text."""

    def __init__(self, what: Message, *, where: str, next_step: Message) -> None:
        super().__init__(what, where=where, next_step=next_step)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUrl:
    """The parts of a device URL.

    Attributes:
        scheme: Which driver, lower case.
        host: Name or address, without brackets; ``""`` for a local port.
        port: ``None`` where none is given.
        path: With its leading slash; ``""`` where none is given.
        user: What stands before ``@``; ``""`` where nothing does. Never a password.
        query: What stands after ``?``, each key once.
        text: As it was written.
    """

    scheme: str
    host: str = ""
    port: int | None = None
    path: str = ""
    user: str = ""
    query: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    text: str = ""

    @property
    def profile(self) -> str | None:
        """The name of the profile that it asks for; ``None`` where it names none."""
        return self.query.get("profile")

    @classmethod
    def parse(cls, text: str) -> DeviceUrl:
        """The parts of ``text``; raises `UrlError` where it is not a device URL."""
        parts, port = _split(text)
        if not parts.scheme or "://" not in text:
            raise UrlError(texts.NO_PROTOCOL(), where=text, next_step=texts.BEGIN_URL())
        if parts.fragment or text.endswith("#"):
            raise UrlError(texts.FRAGMENT(), where=text, next_step=texts.ESCAPE_FRAGMENT())
        return cls(
            scheme=parts.scheme,
            host=_host(parts, text),
            port=port,
            path=_plain(parts.path, text),
            user=_plain(parts.username or "", text),
            query=MappingProxyType(_query(parts, text)),
            text=text,
        )

    def number(
        self, key: str, default: float, *, least: float, most: float, problems: list[Finding]
    ) -> float:
        """The number given for ``key``; what is wrong with it is added to ``problems``."""
        given = self.query.get(key)
        if given is None:
            return default
        try:
            value = float(given)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            what = texts.NOT_IN_RANGE(name=key, value=given, least=f"{least:g}", most=f"{most:g}")
            step = texts.CORRECT_OR_REMOVE(name=key, default=f"{default:g}")
            problems.append(Finding(what=what, next=step))
            return default
        return value

    def unknown(self, known: frozenset[str]) -> list[Finding]:
        """A problem for each key of the query that is not ``known``, with a suggestion."""
        return [
            Finding(
                what=texts.UNKNOWN_OPTION(scheme=self.scheme, name=key),
                next=suggestion(key, known),
            )
            for key in self.query
            if key not in known
        ]


def suggestion(given: str, known: Iterable[str], form: str = "{}") -> Message:
    """The next step where ``given`` is not one of ``known``.

    Args:
        given: What was written.
        known: What may be written.
        form: How one of them is shown, as `str.format` takes it.
    """
    names = sorted(known)
    close = nearest(given, names)
    if close:
        return DID_YOU_MEAN(name=form.format(close))
    return _use(form.format(name) for name in names)


def not_a_choice(name: str, value: str, known: Iterable[str]) -> Finding:
    """The problem that an option has a value that is not one of ``known``."""
    what = texts.NOT_A_CHOICE(name=name, value=value)
    return Finding(what=what, next=_use(map(str, known)))


def _use(known: Iterable[str]) -> Message:
    names = tuple(known)
    return values.USE_ONE_OF(known=names) if len(names) > 1 else values.USE(known=names)


def _split(text: str) -> tuple[SplitResult, int | None]:
    if any(character.isspace() or not character.isprintable() for character in text):
        raise UrlError(texts.UNPRINTABLE(), where=text, next_step=texts.REMOVE_OR_ESCAPE())
    try:
        parts = urlsplit(text)
    except ValueError:  # brackets, or an address within them, that are not one
        raise UrlError(texts.INVALID_HOST(), where=text, next_step=texts.HOST_FORM()) from None
    try:
        return parts, parts.port
    except ValueError:
        port = parts.netloc.rpartition(":")[2]
        what = texts.INVALID_PORT(port=port)
        raise UrlError(what, where=text, next_step=texts.PORT_RANGE()) from None


def _host(parts: SplitResult, text: str) -> str:
    host = _plain(parts.hostname or "", text)
    if len(host) > HOST_LIMIT:
        what = texts.LONG_HOST(limit=HOST_LIMIT)
        raise UrlError(what, where=text, next_step=texts.SHORTEN_HOST())
    return host


def _query(parts: SplitResult, text: str) -> dict[str, str]:
    query: dict[str, str] = {}
    try:
        given = parse_qsl(parts.query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise _undecodable(text) from None
    for key, value in given:
        if key in query:
            what = texts.OPTION_TWICE(name=key)
            raise UrlError(what, where=text, next_step=values.REMOVE_ONE())
        query[_printable(key, text)] = _printable(value, text)
    return query


def _plain(part: str, text: str) -> str:
    """A part without its escapes; what they stand for is looked at like the text itself."""
    try:
        return _printable(unquote(part, errors="strict"), text)
    except UnicodeDecodeError:
        raise _undecodable(text) from None


def _printable(part: str, text: str) -> str:
    if not part.isprintable():
        raise UrlError(texts.UNPRINTABLE_ESCAPE(), where=text, next_step=texts.REMOVE())
    return part


def _undecodable(text: str) -> UrlError:
    return UrlError(texts.NOT_UTF8(), where=text, next_step=texts.ESCAPE_UTF8())
