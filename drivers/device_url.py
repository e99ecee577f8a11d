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
from difflib import get_close_matches
from types import MappingProxyType
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit


class UrlError(ValueError):
    """Text that names no device.

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
    """A device's address, taken apart.

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

    @classmethod
    def parse(cls, text: str) -> DeviceUrl:
        """Take ``text`` apart; raises `UrlError`."""
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
        query: dict[str, str] = {}
        for key, value in parse_qsl(parts.query, keep_blank_values=True):
            if key in query:
                raise UrlError(
                    f"{key!r} is given twice", where=text, next_step="Take one of them out"
                )
            query[key] = value
        return cls(
            scheme=parts.scheme,
            host=unquote(parts.hostname or ""),
            port=port,
            path=unquote(parts.path),
            user=unquote(parts.username or ""),
            query=MappingProxyType(query),
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
            close = get_close_matches(key, known, n=1)
            hint = (
                f"did you mean {close[0]}?" if close else f"it may have {', '.join(sorted(known))}"
            )
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
