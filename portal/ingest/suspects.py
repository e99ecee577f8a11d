"""Records that fail, within one transaction: each tried alone, and judged when all were tried.

::

    all at once -- fails --> canary --> halves, quarters, ... --> alone --> alone again
                                                                               | fails
    rejected  <-- fewer than three boxes --  cause  <------- canary <----------'
    held      <-- an alarm, or three boxes --'
    held      <-- not tried in time

A canary that fails raises, and the whole transaction is undone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from portal.ingest import sql
from portal.ingest.alarms import cause_of, causes_of_fleet, detail_of
from portal.ingest.samples import PendingClockError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portal.fleet.models import Box
    from portal.ingest.messages import Item
    from portal.ingest.tables import SentTable

ISOLATION_S: Final = 1.0
"""Seconds that one transaction takes to isolate records; what was not tried by then is left
unanswered, so that a box with nothing but poison does not hold up the others."""

T = TypeVar("T")

Failures = frozenset[tuple[object, str]]
"""What failed alone, twice: the number or table of each, and its cause."""

Trial = Callable[[str, Exception, Failures], None]
"""Called with a kind of `portal.ingest.kinds.KINDS`, an error, and the failures of this kind that
are to be judged, none before any is tried alone; raises where the portal is at fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A record or a table that failed alone, twice."""

    box: Box
    kind: str
    subject: Item | SentTable
    error: Exception


def _identity(suspect: Suspect) -> object:
    """What tells a record or a table from others, however often it is read."""
    subject = suspect.subject
    return getattr(subject, "number", None) or getattr(subject, "table_id", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a record or a table that failed is at fault.

    Attributes:
        held: Whether it is not, or was not tried in time: it is left unanswered.
        cause: What failures that are alike have in common; ``""`` where it was not tried.
        detail: The error, in one line.
    """

    subject: Item | SentTable
    held: bool
    cause: str = ""
    detail: str = ""


class Suspects:
    """What failed in a transaction.

    Args:
        trial: Stores a canary of a kind, before what failed is tried alone and before it is
            judged.
    """

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._tried: set[str] = set()
        self._found: list[Suspect] = []
        self._untried: list[tuple[Box, Item | SentTable]] = []
        self._left_s = ISOLATION_S

    @property
    def subjects(self) -> set[Item | SentTable]:
        """The records and tables that failed so far."""
        return {one.subject for one in self._found} | {subject for _, subject in self._untried}

    @property
    def boxes(self) -> frozenset[str]:
        """The ids of the boxes of which something failed."""
        found = [one.box for one in self._found] + [box for box, _ in self._untried]
        return frozenset(box.box_id for box in found)

    def trial_of(self, kind: str) -> Callable[[Exception], None]:
        """Stores a canary of a kind, the first time that a record of this kind failed."""

        def trial(error: Exception) -> None:
            if kind not in self._tried:
                self._trial(kind, error, frozenset())
                self._tried.add(kind)

        return trial

    def isolate(
        self,
        kind: str,
        items: Sequence[T],
        apply: Callable[[Sequence[T]], None],
        subject_of: Callable[[T], tuple[Box, Item | SentTable]],
    ) -> None:
        """Apply what can be applied, and remember what failed until it is judged."""
        began = time.monotonic()
        for one, error in sql.isolate(items, apply, self.trial_of(kind), began + self._left_s):
            box, subject = subject_of(one)
            if error is None:
                self._untried.append((box, subject))
            else:
                self.add(Suspect(box=box, kind=kind, subject=subject, error=error))
        if self._found:  # before that, the time went into the work itself
            self._left_s -= time.monotonic() - began

    def add(self, suspect: Suspect) -> None:
        """Remember what failed until it is judged."""
        self._found.append(suspect)

    def checked(self, kind: str, box: Box, item: Item, check: Callable[[], T]) -> T | None:
        """What ``check`` returns, which asks no database; ``None`` where it fails twice."""
        try:
            return check()
        except PendingClockError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is judged
            self.trial_of(kind)(error)
        try:
            return check()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is judged
            self.add(Suspect(box=box, kind=kind, subject=item, error=error))
            return None

    def judge(self, now_ms: int, *, alone: bool = False) -> Iterator[Verdict]:
        """Judge what failed, once; ``alone``: whatever failed of other boxes."""
        for _, subject in self._untried:
            yield Verdict(subject=subject, held=True)
        if not self._found:
            return
        failures = [(one.box.pk, cause_of(one.kind, one.error), one) for one in self._found]
        for kind, error in {one.kind: one.error for one in self._found}.items():
            of_kind = [(one, cause) for _, cause, one in failures if one.kind == kind]
            self._trial(kind, error, frozenset((_identity(one), cause) for one, cause in of_kind))
        alike = [(box, cause, one.kind, one.error) for box, cause, one in failures]
        fleet = set() if alone else causes_of_fleet(alike, now_ms)
        for _, cause, one in failures:
            detail = detail_of(one.error)
            held = cause in fleet
            yield Verdict(subject=one.subject, cause=cause, detail=detail, held=held)
