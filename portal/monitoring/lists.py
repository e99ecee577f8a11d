"""The lists of sites and of gateways.

A list is the overview's rows in another order: what needs somebody first, or as the reader sorted
it.

Source: requirements C-15, E-16; design section 1 (the dealer's list: the faulty first).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.fleet.models import Site
from portal.monitoring.list_query import ListQuery, visible_one
from portal.monitoring.overview import gateway_cards, site_cards
from portal.monitoring.tally import Scope, tally
from portal.web.paging import Paging, paging

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.contrib.auth.models import AnonymousUser

    from portal.accounts.models import User
    from portal.monitoring.overview import GatewayCard, SiteCard


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayList:
    """The gateways, the faulty first, of one page.

    Attributes:
        place: The name of the site that it is narrowed to; ``""`` where to none.
    """

    cards: Sequence[GatewayCard]
    paging: Paging
    place: str = ""


def gateway_list(
    user: User | AnonymousUser, scope: Scope, query: ListQuery, now: datetime
) -> GatewayList:
    """The gateways that ``user`` may see at ``now``: silent ones first, then those with a fault.

    They are those in ``scope``, or at the site that the query names.
    """
    site = visible_one(Site.objects.visible_to(user), query.site)
    counted = tally(user, now, Scope(site=site.pk) if site else scope)
    pairs = [("site", str(site.pk))] if site else []
    page = paging(query.page, len(counted.gateways), pairs)
    ids = sorted(counted.gateways, key=counted.urgency)[page.offset : page.stop]
    cards = gateway_cards(ids, counted, now, most=1).of
    return GatewayList(
        cards=[cards[pk] for pk in ids if pk in cards], paging=page, place=str(site or "")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteList:
    """The sites by name, of one page."""

    cards: Sequence[SiteCard]
    paging: Paging


def site_list(
    user: User | AnonymousUser, scope: Scope, query: ListQuery, now: datetime
) -> SiteList:
    """The sites in ``scope`` that ``user`` may see, at ``now``."""
    visible = Site.objects.visible_to(user).select_related("organization")
    within = {"organization": scope.organization, "pk": scope.site}
    visible = visible.filter(**{key: pk for key, pk in within.items() if pk is not None})
    page = paging(query.page, visible.count())
    shown = list(visible[page.offset : page.stop])
    return SiteList(cards=site_cards(shown, tally(user, now, scope), {}), paging=page)
