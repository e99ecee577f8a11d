"""Which devices pages look at: the first ones of each gateway, so that no page costs more.

A gateway has at most `portal.ingest.bounds.DEVICES_MOST` devices, and an honest fleet is smaller
than `DEVICES_IN_ALL`: then all are looked at. Rows may be older than a bound, restored or written
by hand, and a thousand gateways may name a thousand devices each. Then the gateways that have the
most are cut, at the same number of devices each, so that a small one is always seen as a whole; a
page says that something is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from portal.fleet.models import Device
from portal.web.first_rows import counts_up_to, first_ids

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from django.db.models import QuerySet

DEVICES_OF_A_GATEWAY: Final = 1_001
"""Those that the ingest allows, and the gateway itself."""
DEVICES_IN_ALL: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """The devices that a page looks at.

    Attributes:
        gateways: The gateways that they belong to, by id.
        most: How many devices of a gateway are looked at.
        cut: The gateways that have more, by id.
    """

    gateways: Collection[int]
    most: int
    cut: frozenset[int]

    @property
    def devices(self) -> QuerySet[Device]:
        """The devices."""
        if not self.cut:
            return Device.objects.filter(gateway__in=self.gateways)
        ids = first_ids(Device, {"gateway_id": self.gateways}, ["id"], self.most)
        return Device.objects.filter(pk__in=ids)

    @property
    def left_out(self) -> int:
        """How many devices of a gateway a page shows, where a gateway has more; else 0."""
        return self.most - 1 if self.cut else 0

    def within(self, gateways: Iterable[int]) -> Considered:
        """The devices of some of these gateways."""
        chosen = [pk for pk in gateways if pk in self.gateways]
        return Considered(gateways=chosen, most=self.most, cut=self.cut & {*chosen})


def considered(gateways: Collection[int]) -> Considered:
    """The devices of these gateways, by id, that a page looks at; one query."""
    sizes = counts_up_to(Device, "gateway_id", gateways, DEVICES_OF_A_GATEWAY + 1)
    most = _share(sizes)
    cut = frozenset(pk for pk, size in sizes.items() if size > most)
    return Considered(gateways=gateways, most=most, cut=cut)


def _share(sizes: Mapping[int, int]) -> int:
    """How many devices of each gateway may be looked at, so that all are not too many."""
    left, most = DEVICES_IN_ALL, DEVICES_OF_A_GATEWAY
    ordered = sorted(min(size, most) for size in sizes.values())
    for number, size in enumerate(ordered):
        share = max(left // (len(ordered) - number), 1)
        if size > share:
            return share
        left -= size
    return most
