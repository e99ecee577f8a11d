"""Icons, texts and times, for templates of every app."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from datetime import datetime

    from django.template import Context


register = template.Library()
_SAME_DAY: Final = timedelta(hours=20)
_SAME_YEAR: Final = timedelta(days=300)
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


@register.simple_tag
def when(at: datetime, zone: str, *, relative: bool = False, dated: bool = False) -> str:
    """A moment in the site's time, with its date where it is not of today or ``dated``.

    With ``relative`` a script shows how long ago it was.
    """
    local = at.astimezone(ZoneInfo(zone))
    age = timezone.now() - at
    recent = _("j M, H:i") if dated or age >= _SAME_DAY else _("H:i")
    pattern = recent if age < _SAME_YEAR else _("j M Y, H:i")
    exact, text = f"{local:%Y-%m-%d %H:%M:%S} {zone}", date_format(local, pattern)
    moment = at.isoformat(timespec="seconds")
    if relative:
        return format_html(_RELATIVE_TIME, moment, exact, _("just now"), text)
    return format_html(_TIME, moment, exact, text)


@register.filter
def day_and_time(at: datetime) -> str:
    """A date with its year and a time of day, on the clock ``at`` comes with."""
    return date_format(at, _("j M Y, H:i"))


@register.simple_tag
def moment(at: datetime, zone: str) -> SafeString:
    """A date and a time of day in a site's time, with its zone beside it."""
    text = day_and_time(at.astimezone(ZoneInfo(zone)))
    return format_html(
        "{} {}", format_html(_TIME, at.isoformat(timespec="seconds"), text, text), zone_note(zone)
    )


@register.simple_tag
def clock(at: datetime, zone: str) -> str:
    """Hours and minutes in the site's time."""
    return f"{at.astimezone(ZoneInfo(zone)):%H:%M}"


@register.simple_tag
def zone_note(zone: str) -> str:
    """A site's time zone; a script marks it where it is not the reader's."""
    return format_html(
        '<span class="zone muted" data-zone="{}" data-differs="{}">{}</span>',
        zone,
        _("%(zone)s: times are in the site's time zone, not yours") % {"zone": zone},
        zone,
    )


@register.simple_tag(takes_context=True)
def aria_current(context: Context, *names: str) -> str:
    """``aria-current`` for an entry of the navigation, on pages with one of these URL names."""
    match = getattr(context.get("request"), "resolver_match", None)
    return mark_safe(' aria-current="page"') if match and match.url_name in names else ""
