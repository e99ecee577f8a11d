"""What an address asks for (``?by=...&of=...&on=...``), or an error with words for its reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from console.text import join
from portal.usage.measures import Measure
from portal.usage.periods import Bucket, PeriodError, window
from portal.usage.words import FAULTS
from portal.web.words import page_translations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from django.http import QueryDict

    from portal.usage.periods import Window

_CSV = "csv"
MOST_TICKED = 100
"""How many devices can be added up by ticking them."""


class QueryError(ValueError):
    """An address that asks for nothing; the message is for the person who opened it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What an address asks for.

    Attributes:
        window: The days, in which buckets.
        measure: What was counted; ``None`` where nothing at all is.
        ticked: The devices to add up, by id, on a site's page.
        csv: Whether as a file.
        page: Which page of a site's devices.
    """

    window: Window
    measure: Measure | None
    ticked: Sequence[int] = ()
    csv: bool = False
    page: str = ""

    def address(self, *, window: Window | None = None, **other: str) -> str:
        """The query string that asks the same, or the same of another window."""
        pairs = {**dict(self.pairs(window)), **other}
        ticked = [("device", str(pk)) for pk in self.ticked]
        return "?" + urlencode([*pairs.items(), *ticked])

    def pairs(self, window: Window | None = None) -> list[tuple[str, str]]:
        """What names the window and the measure, for an address or a form."""
        asked = window or self.window
        measure = {"of": self.measure.value} if self.measure else {}
        return list({"by": asked.bucket.value, **measure, **_dates(asked)}.items())


def _dates(asked: Window) -> dict[str, str]:
    if asked.bucket.in_a_day:
        whole_month = asked.months == 1 and asked.last != asked.first
        return {"on": f"{asked.first:%Y-%m}" if whole_month else asked.first.isoformat()}
    usual = 1 if asked.bucket is Bucket.DAY else 12
    until = {} if asked.months == usual else {"until": f"{asked.last:%Y-%m}"}
    return {"on": f"{asked.first:%Y-%m}", **until}


def query_of(said: QueryDict, available: Sequence[Measure], today: date) -> Query:
    """The query in the parameters ``said``; raises `QueryError`.

    Args:
        said: The address's parameters; those nobody knows are ignored, as links grow such.
        available: What is counted here; the first of it unless the address says otherwise.
        today: At the site.
    """
    as_file = said.get("format", "")
    if as_file not in {"", _CSV}:
        raise QueryError(FAULTS["format"])
    bucket = said.get("by") or Bucket.HOUR.value
    if bucket not in set(Bucket):
        raise QueryError(FAULTS["by"])
    try:
        asked = window(
            Bucket(bucket),
            said.get("on", ""),
            said.get("until", ""),
            today,
            whole_month=bool(as_file),
        )
    except PeriodError as error:
        raise QueryError(FAULTS[error.fault]) from error
    return Query(
        window=asked,
        measure=_measure(said.get("of", ""), available),
        ticked=_numbers(said.getlist("device")),
        csv=bool(as_file),
        page=said.get("page", ""),
    )


def _measure(said: str, available: Sequence[Measure]) -> Measure | None:
    if not said:
        return available[0] if available else None
    if said not in set(available):
        allowed = join(tuple(available), page_translations())
        raise QueryError(FAULTS["of"] % {"allowed": allowed or "–"})
    return Measure(said)


def _numbers(said: Sequence[str]) -> list[int]:
    for text in said:
        if not (text.isascii() and text.isdecimal() and len(text) <= 18):
            raise QueryError(FAULTS["device"])
    found = sorted({int(text) for text in said})
    if len(found) > MOST_TICKED:
        raise QueryError(FAULTS["devices"] % {"most": MOST_TICKED})
    return found
