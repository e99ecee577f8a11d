"""The printers that a reader sees: those that charts add up, and the list of all.

Adding up reads a month of counters of each, so that it stops at `ADDED_UP` printers, the oldest in
the portal; a page says how many it left out. Lists have pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Q

from portal.fleet.considered import considered
from portal.fleet.models import GATEWAY_DEVICE, Gateway
from portal.monitoring.device_status import with_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet

    from portal.accounts.models import User
    from portal.fleet.models import Device
    from portal.monitoring.tally import Scope
    from portal.web.paging import Paging

ADDED_UP: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Printers:
    """The printers of a reader.

    Attributes:
        added_up: Those that charts add up, with gateway and site.
        total: How many there are.
    """

    added_up: Sequence[Device]
    total: int

    @property
    def left_out(self) -> int:
        """How many the charts leave out."""
        return self.total - len(self.added_up)


def printers(user: User | AnonymousUser, scope: Scope) -> Printers:
    """The printers in ``scope`` that ``user`` may see."""
    every = _every(user, scope)
    added_up = list(every.select_related("gateway__site").order_by("pk")[: ADDED_UP + 1])
    total = every.count() if len(added_up) > ADDED_UP else len(added_up)
    return Printers(added_up=added_up[:ADDED_UP], total=total)


def printers_by_name(user: User | AnonymousUser, scope: Scope, page: Paging) -> list[Device]:
    """The printers of one page of the list by name."""
    every = _every(user, scope).select_related("gateway__site")
    return list(every.order_by("sort_key", "pk")[page.offset : page.stop])


def _every(user: User | AnonymousUser, scope: Scope) -> QuerySet[Device]:
    visible = Gateway.objects.visible_to(user).filter(**scope.within())
    gateways = visible.order_by().values_list("pk", flat=True)
    devices = considered(list(gateways)).devices.exclude(name=GATEWAY_DEVICE)
    return with_status(devices).filter(Q(prints=True))
