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
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from console.nearest import nearest

HOST_LIMIT: Final = 253
"""Characters of a host's name (RFC 1035, 2.3.4)."""


class UrlError(ValueError):
    """A text that is not a device URL.

    Attributes:
        what: The fact.
        where: The text.
        next_step: What to do about it.
    """

    def __init__(self, what: str, *, where: str, next_step: str) -> None:
        self.what = what
        self.where = where
        self.next_step = next_step
        super().__init__(f"{where!r}: {what}. {next_step}.")


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
            raise UrlError(
                "no protocol is named",
                where=text,
                next_step="Write it as in modbus-tcp://host:502/?unit=1&profile=NAME",
            )
        if parts.fragment or text.endswith("#"):
            raise UrlError(
                "a device has nothing after #", where=text, next_step="Write # as %23 where meant"
            )
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
        self, key: str, default: float, *, least: float, most: float, problems: list[str]
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
            problems.append(f"{key}={given} must be a number from {least:g} to {most:g}")
            return default
        return value

    def unknown(self, known: frozenset[str]) -> list[str]:
        """A problem for each key of the query that is not ``known``, with a suggestion."""
        problems = []
        for key in self.query:
            if key in known:
                continue
            close = nearest(key, known)
            hint = f"did you mean {close}?" if close else f"it may have {', '.join(sorted(known))}"
            problems.append(f"{self.scheme}:// has no {key!r}; {hint}")
        return problems


def _split(text: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UrlError(
            f"this is no URL: {error}", where=text, next_step="Look at the host and the port"
        ) from None
    if any(character.isspace() or not character.isprintable() for character in text):
        raise UrlError(
            "it holds a space or an unprintable character",
            where=text,
            next_step="Take it out, or write it as %20",
        )
    return parts, port


def _host(parts: SplitResult, text: str) -> str:
    host = _plain(parts.hostname or "", text)
    if len(host) > HOST_LIMIT:
        raise UrlError(
            f"its host has more than {HOST_LIMIT} characters",
            where=f"{text[:60]}...",
            next_step="Look at the host",
        )
    return host


def _query(parts: SplitResult, text: str) -> dict[str, str]:
    query: dict[str, str] = {}
    try:
        given = parse_qsl(parts.query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise _undecodable(text) from None
    for key, value in given:
        if key in query:
            raise UrlError(f"{key!r} is given twice", where=text, next_step="Take one of them out")
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
        raise UrlError(
            "an escape in it stands for an unprintable character",
            where=text,
            next_step="Take it out",
        )
    return part


def _undecodable(text: str) -> UrlError:
    return UrlError(
        "its escapes are no UTF-8", where=text, next_step="Write each character's octets in UTF-8"
    )
