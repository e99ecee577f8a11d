"""Lists in parts: pages of a long one, and the first few rows of each group. Never all rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlencode

from django.db import models
from django.db.models import F, Window
from django.db.models.functions import RowNumber

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models.expressions import BaseExpression

M = TypeVar("M", bound=models.Model)

PAGE_SIZE: Final = 50
_DIGITS: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Which part of a list a page shows.

    Attributes:
        number: The page, from 1.
        total: How many rows the list has.
        size: How many rows a page has.
        pairs: The other parameters of the page's address.
    """

    number: int
    total: int
    size: int = PAGE_SIZE
    pairs: Sequence[tuple[str, str]] = ()

    @property
    def pages(self) -> int:
        """How many pages there are; an empty list has one."""
        return max(-(-self.total // self.size), 1)

    @property
    def offset(self) -> int:
        """How many rows come before the page."""
        return (self.number - 1) * self.size

    @property
    def stop(self) -> int:
        """How many rows there are up to the end of the page."""
        return min(self.offset + self.size, self.total)

    @property
    def first(self) -> int:
        """The position of the page's first row, from 1."""
        return self.offset + 1

    @property
    def here(self) -> str:
        """The query string of the page itself; ``""`` for the first without other parameters."""
        return self._query(self.number) if self.number > 1 or self.pairs else ""

    @property
    def earlier(self) -> str:
        """The query string of the page before; ``""`` on the first."""
        return self._query(self.number - 1) if self.number > 1 else ""

    @property
    def later(self) -> str:
        """The query string of the page after; ``""`` on the last."""
        return self._query(self.number + 1) if self.number < self.pages else ""

    def _query(self, number: int) -> str:
        pairs = [*self.pairs, *([("page", str(number))] if number > 1 else [])]
        return f"?{urlencode(pairs)}" if pairs else "?"


def paging(
    asked: str, total: int, pairs: Sequence[tuple[str, str]] = (), size: int = PAGE_SIZE
) -> Paging:
    """The page ``asked`` for; the first where that is not a number, the last where it is beyond.

    Args:
        asked: The ``page`` parameter of an address.
        total: How many rows the list has.
        pairs: The other parameters of the address, for links to other pages.
        size: How many rows a page has.
    """
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) <= _DIGITS else 1
    whole = Paging(number=1, total=total, size=size, pairs=pairs)
    return Paging(number=min(max(number, 1), whole.pages), total=total, size=size, pairs=pairs)


def first_of_each(
    rows: models.QuerySet[M],
    group: str,
    group_of: Callable[[M], int],
    order: Sequence[str | BaseExpression | F],
    most: int,
) -> dict[int, list[M]]:
    """The first ``most`` rows of each group, in their order; one query.

    Args:
        rows: The rows of all groups.
        group: The field that names the group of a row.
        group_of: The same, of a row.
        order: How the rows of a group are ordered.
        most: How many rows of a group, at most.
    """
    place = Window(RowNumber(), partition_by=F(group), order_by=[*order])
    found: dict[int, list[M]] = defaultdict(list)
    placed = rows.order_by().annotate(place_in_group=place).filter(place_in_group__lte=most)
    for row in placed.order_by(group, "place_in_group"):
        found[group_of(row)].append(row)
    return found
