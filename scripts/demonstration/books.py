"""The ledger as the page tells it, and whether it closes after the internet was cut."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from scripts.demonstration.demonstration import Demonstration, FailedError
from scripts.demonstration.page import Visitor

_STRIP: Final = "/simulation/live/"
_CUT: Final = "The internet is cut"
_MANY: Final = 10
"""More records than are under way at any moment while all is well."""
_CUT_S: Final = 20.0
"""Shorter than the internet stays cut by itself."""
_MENDED_S: Final = 60.0
"""A gateway that was refused for a while calls again within half of it."""
_LINE: Final = re.compile(r"accepted ([\d,]+) = (.+?) ?, lost ([\d,]+), doubled ([\d,]+)")
_PART: Final = re.compile(r"([a-z]+) ([\d,]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """What the page says of the books.

    Attributes:
        parts: What the accepted are made of: ``stored``, and what else is not nothing.
    """

    accepted: int
    parts: Mapping[str, int]
    lost: int
    doubled: int

    @classmethod
    def find(cls, words: str) -> Self | None:
        """In the words of a page; ``None`` where it has no such line."""
        found = _LINE.search(words)
        if found is None:
            return None
        accepted, parts, lost, doubled = found.groups()
        return cls(
            accepted=_number(accepted),
            parts={name: _number(count) for name, count in _PART.findall(parts)},
            lost=_number(lost),
            doubled=_number(doubled),
        )

    def __str__(self) -> str:
        parts = " + ".join(f"{name} {count:,}" for name, count in self.parts.items())
        return f"accepted {self.accepted:,} = {parts}, lost {self.lost}, doubled {self.doubled}"

    @property
    def waiting(self) -> int:
        """Records that the gateways hold."""
        return self.parts.get("waiting", 0)

    @property
    def closed(self) -> bool:
        """Whether all that was accepted is stored, once."""
        stored = {"stored": self.accepted}
        return self.accepted > 0 and self.parts == stored and not self.lost and not self.doubled


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How the books closed.

    Attributes:
        line: As the page showed it at last.
        seconds: From the mending until then.
    """

    line: LedgerLine
    seconds: float


def cut_and_mend(demonstration: Demonstration, visitor: Visitor) -> Closing:
    """Cut the internet by the page's button until records wait, mend it and see them all stored.

    Raises:
        FailedError: Nothing waited, or the books did not close; with the ledger as last read.
        PageError: A page does not answer, or lacks the button.
    """
    strip = demonstration.url + _STRIP
    visitor.press(strip, {"what": "internet", "do": "break"})
    cut = _wait(
        demonstration,
        visitor,
        lambda words, line: _CUT in words and line.waiting >= _MANY,
        _CUT_S,
        "no records waited while the internet was cut",
    )
    visitor.press(strip, {"what": "internet", "do": "mend"})
    mended = time.monotonic()
    closed = _wait(
        demonstration,
        visitor,
        lambda words, line: _CUT not in words and line.closed and line.accepted >= cut.accepted,
        _MENDED_S,
        "the books did not close after the internet was mended",
    )
    return Closing(line=closed, seconds=time.monotonic() - mended)


def _wait(
    demonstration: Demonstration,
    visitor: Visitor,
    seen: Callable[[str, LedgerLine], bool],
    patience_s: float,
    otherwise: str,
) -> LedgerLine:
    deadline = time.monotonic() + patience_s
    while True:
        demonstration.check()
        words = visitor.words(demonstration.url + _STRIP)
        line = LedgerLine.find(words)
        if line is not None and seen(words, line):
            return line
        if time.monotonic() > deadline:
            told = words[:400] if line is None else line
            raise FailedError(f"{otherwise} ({patience_s:.0f} s); the ledger says: {told}")
        time.sleep(0.2)


def _number(digits: str) -> int:
    return int(digits.replace(",", ""))
