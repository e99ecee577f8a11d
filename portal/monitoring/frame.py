"""What the frame round every page shows: the picker, the entries, and how much needs attention.

A kind of device that a reader does not have at the chosen place has no entry. The count of the bell
is the one of the first page's verdict.

Source: requirement E-21; docs/adr/0034-the-frame-of-every-page.md
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.accounts.models import Organization
from portal.accounts.roles import bills_only, installs
from portal.fleet.kinds import DeviceFamily
from portal.fleet.models import Site
from portal.fleet.place import Place, place_of
from portal.monitoring.overview import EVERYTHING, version
from portal.monitoring.tally import FleetTally, tally_of
from portal.web.live import etag, fragment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

PICKED: Final = 30
"""How many sites the picker names; the list of sites has all of them."""
_LISTS: Final = frozenset({"overview", "energy", "operation", "devices", "sites", "gateways"})
_SECTIONS: Final = {
    "overview": "home",
    "energy": "energy",
    "usage": "energy",
    "site-usage": "energy",
    "device-usage": "energy",
    "operation": "printing",
    "devices": "devices",
    "device": "devices",
    "device-edit": "devices",
    "group": "devices",
    "sites": "sites",
    "site": "sites",
    "site-edit": "sites",
    "locations": "sites",
    "location": "sites",
    "gateways": "sites",
    "gateway": "sites",
}
"""The entry that each address belongs to; a page may name another one as ``nav``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the navigation.

    Attributes:
        name: Also the name of its icon.
        words: Its name.
        short: Its name where there is little room.
    """

    name: str
    address: str
    words: str
    short: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An entry of the picker.

    Attributes:
        faults: How many things need attention there.
        chosen: Whether it is the place that is looked at.
    """

    key: str
    words: str
    faults: int
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the picker: an organization's sites."""

    organization: str
    choices: Sequence[Choice]


class Frame:
    """The frame of a page, each part worked out when a template asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.place: Place = place_of(request)

    @cached_property
    def _tally(self) -> FleetTally:
        return tally_of(self._request, timezone.now(), EVERYTHING)

    @cached_property
    def _here(self) -> list[int]:
        """The gateways at the place, by id."""
        site, organization = self.place.site, self.place.organization
        return [
            pk
            for pk, fact in self._tally.gateways.items()
            if (site is None or fact.site == site.pk)
            and (organization is None or fact.organization == organization.pk)
        ]

    @cached_property
    def faults(self) -> int:
        """How many things at the place need attention."""
        return sum(self._tally.needs(pk) for pk in self._here)

    @cached_property
    def administers(self) -> bool:
        """Whether the reader issues agent keys for an organization."""
        return installs(self._request.user)

    @cached_property
    def entries(self) -> list[Entry]:
        """The navigation; of a person who bills, usage alone."""
        if bills_only(self._request.user):
            words = _("Energy")
            return [Entry(name="energy", address=reverse("usage"), words=words, short=words)]
        families = {
            each.family for pk in self._here for each in self._tally.counts[pk] if not each.own
        }
        entries = [
            ("home", "overview", _("Home"), _("Home")),
            ("energy", "energy", _("Energy"), _("Energy")),
            ("printing", "operation", _("Print"), _("Print")),
            ("devices", "devices", _("Devices"), _("Devices")),
            ("sites", "sites", _("Sites and gateways"), _("Sites")),
        ]
        lacking = {
            name
            for name, family in (
                ("energy", DeviceFamily.METER),
                ("printing", DeviceFamily.PRINTER),
            )
            if family not in families
        }
        return [
            Entry(name=name, address=reverse(address), words=words, short=short)
            for name, address, words, short in entries
            if name not in lacking
        ]

    @property
    def section(self) -> str:
        """The entry that the page belongs to; ``""`` of a page beside them."""
        return _SECTIONS.get(self._address_name, "")

    @property
    def _address_name(self) -> str:
        match = self._request.resolver_match
        return (match.url_name or "") if match else ""

    @property
    def back(self) -> str:
        """Where a choice of the picker leads: the same list, or the one that the page is below."""
        if self._address_name in _LISTS:
            return self._request.path
        entry = next((each for each in self.entries if each.name == self.section), None)
        return entry.address if entry else reverse("overview")

    @cached_property
    def everywhere(self) -> Choice:
        """The entry of the picker for all sites."""
        return Choice(
            key="all",
            words=_("All sites"),
            faults=sum(self._tally.needs(pk) for pk in self._tally.gateways),
            chosen=self.place.organization is None,
        )

    @cached_property
    def _sites(self) -> list[Site]:
        """The first sites of the reader, by organization, and one more where there are more."""
        visible = Site.objects.visible_to(self._request.user).select_related("organization")
        ordered = visible.order_by("organization__name", "organization", "sort_key", "pk")
        return list(ordered[: PICKED + 1])

    @property
    def has_sites(self) -> bool:
        """Whether there is a site to choose."""
        return bool(self._sites)

    @property
    def has_more_sites(self) -> bool:
        """Whether the picker leaves out sites."""
        return len(self._sites) > PICKED

    @cached_property
    def parts(self) -> list[Part]:
        """The sites that the picker names, by organization."""
        groups = groupby(self._sites[:PICKED], key=lambda site: site.organization)
        found = [(organization, list(sites)) for organization, sites in groups]
        several = len(found) > 1
        return [
            Part(
                organization=str(organization),
                choices=[
                    *([self._organization_choice(organization)] if several else []),
                    *(self._site_choice(site) for site in sites),
                ],
            )
            for organization, sites in found
        ]

    def _organization_choice(self, organization: Organization) -> Choice:
        gateways = self._tally.gateways
        own = [pk for pk, fact in gateways.items() if fact.organization == organization.pk]
        return Choice(
            key=Place(organization=organization).key,
            words=_("All sites of %(organization)s") % {"organization": organization},
            faults=sum(self._tally.needs(pk) for pk in own),
            chosen=self.place.organization == organization and self.place.site is None,
        )

    def _site_choice(self, site: Site) -> Choice:
        own = [pk for pk, fact in self._tally.gateways.items() if fact.site == site.pk]
        return Choice(
            key=Place(organization=site.organization, site=site).key,
            words=str(site),
            faults=sum(self._tally.needs(pk) for pk in own),
            chosen=self.place.site == site,
        )


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: ``frame``, which costs nothing where no template asks for it."""
    return {"frame": SimpleLazyObject(lambda: Frame(request))}


@require_safe
def bell_live(request: HttpRequest) -> HttpResponse:
    """The live fragment of the bell: how many things need attention."""
    # The version is taken first: a change in between is then shown twice rather than never.
    tag = etag(request, f"{version(request.user, timezone.now())}-{place_of(request).key}")
    return fragment(request, tag, lambda: render(request, "web/_bell.html"))
