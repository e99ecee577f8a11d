"""Finding entries of a chain: filtered, newest first, a page at a time, at a bounded cost.

A page looks at no more than `LOOKED_AT` entries, however few of them it finds: entries are numbered
without gaps, so that a part of a chain is a range of numbers. Where a filter finds fewer than a
page, the next page goes on with the next range.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from portal.audit.kinds import ACCOUNT, PERSON, PORTAL
from portal.audit.models import Detail, Entry, Head
from portal.web.paging import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.audit.models import EntryQuerySet

LOOKED_AT: Final = 10_000
OFFERED: Final = 1_000
"""How many stored names the choices of a filter are made of."""
_DIGITS: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What entries are to be found.

    Attributes:
        person: Kind and id of who acted, as ``person:12``; "" for everybody.
        action: The id of an action's template; "" for all.
        thing: Kind and id of the subject, as ``device:12``; "" for everything.
    """

    person: str = ""
    action: str = ""
    thing: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Self:
        """The filters of a page's address."""
        names = ("person", "action", "thing")
        return cls(**{name: values.get(name, "")[:200].replace("\0", "") for name in names})

    def pairs(self) -> list[tuple[str, str]]:
        """Those that are set, as parameters of an address."""
        every = (("person", self.person), ("action", self.action), ("thing", self.thing))
        return [(name, value) for name, value in every if value]

    def apply(self, entries: EntryQuerySet) -> EntryQuerySet:
        """The entries that all of them find."""
        if self.person:
            kind, _colon, number = self.person.partition(":")
            entries = entries.filter(actor_kind=kind, actor_id=number)
        if self.action:
            entries = entries.filter(action=self.action)
        if self.thing:
            kind, _colon, number = self.thing.partition(":")
            entries = entries.filter(subject_kind=kind, subject_id=number)
        return entries


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of entries.

    Attributes:
        entries: Newest first; at most `portal.web.paging.PAGE_SIZE`.
        total: How many entries the chain has.
        newer, older: The number from which the page before and the one after go on; ``None`` at
            the beginning and at the end.
        searched_to: The oldest number that was looked at, where it ended before a page was full.
    """

    entries: list[Entry] = field(default_factory=list)
    total: int = 0
    newer: int | None = None
    older: int | None = None
    searched_to: int | None = None


def number_of(text: str) -> int | None:
    """The number of an entry in an address; ``None`` where it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None


def find(
    chain: int, filters: Filters, *, older: int | None = None, newer: int | None = None
) -> Found:
    """A page of a chain.

    Args:
        chain: As `portal.audit.models.Entry.chain`.
        filters: What is to be found.
        older: Only entries before this number.
        newer: Only entries after this number, the next ones; ``older`` does not count then.
    """
    total = Head.objects.filter(chain=chain).values_list("sequence", flat=True).first() or 0
    entries = filters.apply(Entry.objects.filter(chain=chain))
    if newer is not None:
        return _after(entries, newer, total)
    until = total + 1 if older is None else min(older, total + 1)
    first = max(1, until - LOOKED_AT)
    part = entries.filter(sequence__gte=first, sequence__lt=until).order_by("-sequence")
    rows = list(part[: PAGE_SIZE + 1])
    full = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    further = rows[-1].sequence if full else first if first > 1 else None
    return Found(
        entries=rows,
        total=total,
        newer=until - 1 if until <= total else None,
        older=further,
        searched_to=None if full or first == 1 else first,
    )


def _after(entries: EntryQuerySet, newer: int, total: int) -> Found:
    last = min(total, newer + LOOKED_AT)
    part = entries.filter(sequence__gt=newer, sequence__lte=last).order_by("sequence")
    rows = list(part[: PAGE_SIZE + 1])
    full = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    end = rows[-1].sequence if full else last
    return Found(
        entries=rows[::-1],
        total=total,
        newer=end if end < total else None,
        older=newer + 1 if newer > 0 else None,
        searched_to=None,
    )


def people(chain: int) -> dict[str, Detail]:
    """The newest stored name of those who acted, by ``kind:id``; of many, some."""
    return _newest(chain, [PERSON, ACCOUNT])


def things(chain: int) -> dict[str, Detail]:
    """The newest stored name of things, by ``kind:id``; of many, some."""
    return _newest(chain, [PERSON, ACCOUNT, PORTAL], exclude=True)


def _newest(chain: int, kinds: list[str], *, exclude: bool = False) -> dict[str, Detail]:
    names = Detail.objects.filter(chain=chain, role="name")
    names = names.exclude(kind__in=kinds) if exclude else names.filter(kind__in=kinds)
    found = names.order_by("kind", "thing_id", "id")[:OFFERED]
    return {f"{one.kind}:{one.thing_id}": one for one in found}
