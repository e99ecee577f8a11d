"""The place that a reader has chosen to look at: everything, an organization, or a site.

The choice is kept in the session, and every list and overview obeys it. A page says of which place
it is in the header ``X-Place`` of what it polls, so that a page in one tab does not change under
its reader because of a choice in another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.http import Http404

from portal.accounts.models import Organization
from portal.fleet.models import Site

if TYPE_CHECKING:
    from django.http import HttpRequest

EVERYWHERE_KEY: Final = "all"
HEADER: Final = "X-Place"
_SESSION: Final = "place"
_CACHED: Final = "_kanmon_place"
_DIGITS: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A part of what a reader sees; all of it without an organization and a site.

    Attributes:
        organization: The one organization whose sites are looked at, or that owns the one site.
        site: The one site.
    """

    organization: Organization | None = None
    site: Site | None = None

    @property
    def key(self) -> str:
        """How forms and pages name it: ``all``, ``organization-3``, ``site-12``."""
        if self.site:
            return f"site-{self.site.pk}"
        return f"organization-{self.organization.pk}" if self.organization else EVERYWHERE_KEY

    @property
    def name(self) -> str:
        """The name of the site or organization; ``""`` of everything."""
        return str(self.site or self.organization or "")


EVERYWHERE: Final = Place()


def place_of(request: HttpRequest) -> Place:
    """The place that a request is about; everything where nothing was chosen.

    A chosen place that its reader may no longer see is no longer chosen. Raises `Http404` for a
    poll of a page about such a place: the page is then loaded again.
    """
    found: Place | None = getattr(request, _CACHED, None)
    if found is None:
        polled = request.headers.get(HEADER)
        key = polled if polled is not None else request.session.get(_SESSION, EVERYWHERE_KEY)
        seen = _visible_place(request, str(key))
        found = seen or EVERYWHERE
        setattr(request, _CACHED, found)
        if seen is None and polled is not None:
            raise Http404
    return found


def choose_place(request: HttpRequest, key: str) -> None:
    """Choose the place of this session; raises `Http404` for one that its reader does not see."""
    found = _visible_place(request, key)
    if found is None:
        raise Http404
    request.session[_SESSION] = found.key
    setattr(request, _CACHED, found)


def _visible_place(request: HttpRequest, key: str) -> Place | None:
    """The place with this key; ``None`` where there is none that the reader sees."""
    kind, _, number = key.partition("-")
    if key == EVERYWHERE_KEY:
        return EVERYWHERE
    if not (number.isascii() and number.isdecimal() and len(number) <= _DIGITS):
        return None
    if kind == "site":
        sites = Site.objects.visible_to(request.user).select_related("organization")
        site = sites.filter(pk=int(number)).first()
        return Place(organization=site.organization, site=site) if site else None
    if kind == "organization":
        organization = Organization.objects.visible_to(request.user).filter(pk=int(number)).first()
        return Place(organization=organization) if organization else None
    return None
