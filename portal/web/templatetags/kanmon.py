"""Icons, texts and times, for templates of every app."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from portal.web.moments import SiteMoment, site_moment, zone_of

if TYPE_CHECKING:
    from datetime import datetime


register = template.Library()
_SAME_DAY: Final = timedelta(hours=20)
_SAME_YEAR: Final = timedelta(days=300)
_CLOCKS_APART: Final = timedelta(minutes=5)
"""A moment further ahead than this is not due to another clock: it is shown as it stands."""
_TIME: Final = '<time datetime="{}" title="{}">{}</time>'
_RELATIVE_TIME: Final = '<time datetime="{}" title="{}" data-relative="{}">{}</time>'


@register.simple_tag
def icon(name: str) -> str:
    """An icon beside a word of the same meaning: hidden from screen readers."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("icons.svg"),
        name,
    )


@register.filter
def grouped(count: int) -> str:
    """A count for people to read, with its thousands separated: ``6,069``."""
    return f"{count:,}"


@register.simple_tag
def when(at: datetime | int, zone: str, *, relative: bool = False, dated: bool = False) -> str:
    """A moment in the site's time, with its date where it is not of today or ``dated``.

    It has its year where it is ahead by a day, or almost a year ago.

    With ``relative`` a script shows how long ago it was; never of a moment that is ahead. A moment
    is a `datetime` or Unix milliseconds.
    """
    moment = site_moment(at, zone)
    if moment.local is None or moment.utc is None:
        return _no_date(moment)
    age = timezone.now() - moment.utc
    recent = _("j M, H:i") if dated or abs(age) >= _SAME_DAY else _("H:i")
    year = age >= _SAME_YEAR or age <= -_SAME_DAY  # what is ahead is taken for what is past
    pattern = _("j M Y, H:i") if year else recent
    exact = f"{moment.local:%Y-%m-%d %H:%M:%S} {moment.zone}"
    text = _on_its_clock(date_format(moment.local, pattern), moment, zone)
    stamp = moment.utc.isoformat(timespec="seconds")
    if relative and age > -_CLOCKS_APART:
        return format_html(_RELATIVE_TIME, stamp, exact, _("just now"), text)
    return format_html(_TIME, stamp, exact, text)


def _on_its_clock(text: str, moment: SiteMoment, zone: str) -> str:
    """The text of a moment, with the zone's name where it is not the site's."""
    return text if moment.zone == zone else f"{text} {moment.zone}"


def _no_date(moment: SiteMoment) -> SafeString:
    """A moment that has no date, with its exact value."""
    exact = _("%(ms)s ms of Unix time") % {"ms": f"{moment.ms:,}"}
    return format_html('<span title="{}">{}</span>', exact, _("outside the years 1 to 9999"))


@register.filter
def day_and_time(at: datetime) -> str:
    """A date with its year and a time of day, on the clock ``at`` comes with."""
    return date_format(at, _("j M Y, H:i"))


@register.simple_tag
def moment(at: datetime | int, zone: str) -> SafeString:
    """A date and a time of day in a site's time, with its zone beside it."""
    found = site_moment(at, zone)
    if found.local is None or found.utc is None:
        return _no_date(found)
    text = day_and_time(found.local)
    stamp = found.utc.isoformat(timespec="seconds")
    return format_html("{} {}", format_html(_TIME, stamp, text, text), zone_note(found.zone))


@register.simple_tag
def clock(at: datetime | int, zone: str) -> str:
    """Hours and minutes in the site's time."""
    found = site_moment(at, zone)
    if found.local is None:
        return _no_date(found)
    return _on_its_clock(f"{found.local:%H:%M}", found, zone)


@register.simple_tag
def zone_note(zone: str) -> str:
    """A site's time zone; a script marks it where it is not the reader's."""
    zone = zone_of(zone).key
    return format_html(
        '<span class="zone muted" data-zone="{}" data-differs="{}">{}</span>',
        zone,
        _("%(zone)s: times are in the site's time zone, not yours") % {"zone": zone},
        zone,
    )
