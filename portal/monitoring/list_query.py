"""What a reader asks a list for, in the address.

Whatever does not exist is left out of it, never an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from django.db.models import Model

if TYPE_CHECKING:
    from django.db.models import QuerySet

M = TypeVar("M", bound=Model)


UNGROUPED: Final = "none"
"""How an address asks for the devices that are in no group."""
_DIGITS: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What a reader asks a list for. What does not exist is as if it was not asked for.

    Attributes:
        sort: A column's name, with ``-`` before it for the other order.
        words: Only devices in which each of these words occurs.
        group: Only devices of this group, by id; `UNGROUPED`: those in none; ``""``: all.
        site: Only what is at this site, by id.
        gateway: Only what this gateway reads, by id.
        show: Only devices of this chip, by its name.
        page: Which page.
    """

    sort: str = ""
    words: str = ""
    group: str = ""
    site: str = ""
    gateway: str = ""
    show: str = ""
    page: str = ""

    @property
    def places(self) -> list[tuple[str, str]]:
        """The parameters that narrow the list to a place."""
        return [(name, said) for name, said in self._all()[2:4] if said]

    @property
    def filters(self) -> list[tuple[str, str]]:
        """The parameters that say which rows."""
        return [(name, said) for name, said in self._all() if said]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The parameters that say which rows, and in which order."""
        return [*self.filters, ("sort", self.sort)] if self.sort else self.filters

    def _all(self) -> list[tuple[str, str]]:
        return [
            ("q", self.words),
            ("group", self.group),
            ("site", self.site),
            ("gateway", self.gateway),
            ("show", self.show),
        ]


def visible_one(rows: QuerySet[M], said: str) -> M | None:
    """The row whose id the address gives, if it is one of ``rows``."""
    if not (said.isascii() and said.isdecimal() and len(said) <= _DIGITS):
        return None
    return rows.filter(pk=int(said)).first()
