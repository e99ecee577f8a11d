"""The ledger as the page shows it, and whether it closes after the internet was cut."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from scripts.demonstration.demonstration import Demonstration, StepError
from scripts.demonstration.page import Visitor
from scripts.demonstration.waiting import wait_until

_STRIP: Final = "/simulation/live/"
_INTERNET: Final = "fault-internet"
"""The id of the fault in the strip."""
_LEDGER: Final = "ledger"
_MANY: Final = 10
"""More records than are under way at any moment while all is well."""
_CUT_S: Final = 20.0
"""Shorter than the internet stays cut by itself."""
_MENDED_S: Final = 60.0
"""A gateway that was refused for a while calls again within half of it."""
_PARTS: Final = ("stored", "waiting", "refused", "lost")

Elements = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """The ledger of the records.

    Attributes:
        accepted: How many the gateways' disks accepted.
        parts: What these are made of: ``stored``, and what else is not zero.
        lost, doubled: How many are nowhere, and how many are stored more than once.
    """

    accepted: int
    parts: Mapping[str, int]
    lost: int
    doubled: int

    @classmethod
    def find(cls, elements: Elements) -> Self | None:
        """The ledger on a page; ``None`` where there is none.

        Args:
            elements: The attributes of the page's elements, by id.
        """
        counts = {
            name.removeprefix("data-"): int(value)
            for name, value in elements.get(_LEDGER, {}).items()
            if name.startswith("data-") and value.isdecimal()
        }
        if not counts:
            return None
        return cls(
            accepted=counts["accepted"],
            parts={name: counts[name] for name in _PARTS if counts[name] or name == "stored"},
            lost=counts["lost"],
            doubled=counts["doubled"],
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
    before = _wait(
        demonstration,
        visitor,
        lambda cut, line: cut and line.waiting >= _MANY,
        _CUT_S,
        "no records waited while the internet was cut",
    )
    visitor.press(strip, {"what": "internet", "do": "mend"})
    mended = time.monotonic()
    closed = _wait(
        demonstration,
        visitor,
        lambda cut, line: not cut and line.closed and line.accepted >= before.accepted,
        _MENDED_S,
        "the books did not close after the internet was mended",
    )
    return Closing(line=closed, seconds=time.monotonic() - mended)


def _wait(
    demonstration: Demonstration,
    visitor: Visitor,
    reached: Callable[[bool, LedgerLine], bool],
    patience_s: float,
    otherwise: str,
) -> LedgerLine:
    """The ledger once ``reached`` says so of it and of whether the internet is cut."""

    def look() -> tuple[bool, LedgerLine | None]:
        demonstration.check()
        elements = visitor.elements(demonstration.url + _STRIP)
        cut = "on" in elements.get(_INTERNET, {}).get("class", "").split()
        return cut, LedgerLine.find(elements)

    def late(seen: tuple[bool, LedgerLine | None]) -> StepError:
        shown = seen[1] or "nothing"
        return StepError(f"{otherwise} ({patience_s:.0f} s); the ledger says: {shown}")

    _, line = wait_until(
        look,
        lambda seen: seen[1] is not None and reached(seen[0], seen[1]),
        late,
        patience_s=patience_s,
    )
    assert line is not None, "a ledger that is not shown is not reached"
    return line
