"""Assets, icons, words and times, for templates."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from console.patterns import japanese
from drivers.report import Reachability, Severity, State
from portal.fleet.kinds import DeviceFamily
from portal.fleet.models import GATEWAY_DEVICE
from portal.fleet.words import DEVICE_KINDS, state_words
from portal.monitoring.overview import DeviceRow, GatewayCard
from portal.web import assets, words

if TYPE_CHECKING:
    from datetime import datetime

    from django.template import Context

    from portal.fleet.kinds import DeviceKind
    from portal.fleet.models import DeviceCondition
    from portal.monitoring.device import DeviceView

register = template.Library()
_SAME_DAY: Final = timedelta(hours=20)
_SAME_YEAR: Final = timedelta(days=300)
_TIME: Final = '<time datetime="{}" title="{}">{}</time>'
_RELATIVE_TIME: Final = '<time datetime="{}" title="{}" data-relative>{}</time>'


@register.simple_tag
def asset(name: str) -> str:
    """The address of a built file."""
    return assets.url(name)


@register.simple_tag
def icon(name: str) -> str:
    """A picture beside a word that says the same: hidden from screen readers."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        assets.url("icons.svg"),
        name,
    )


@register.simple_tag
def kind_icon(kind: DeviceKind) -> SafeString:
    """A picture of what sort of thing a device is, with its words for who cannot see it."""
    said = DEVICE_KINDS[kind]
    return format_html(
        '<span class="kind" title="{}">{}<span class="sr">{}</span></span>', said, icon(kind), said
    )


@register.filter
def kind_words(kind: DeviceKind) -> str:
    """What sort of thing a device is."""
    return str(DEVICE_KINDS[kind])


@register.simple_tag
def when(at: datetime, zone: str, *, relative: bool = False) -> str:
    """A moment in the site's time; a script may say instead how long ago it was."""
    local = at.astimezone(ZoneInfo(zone))
    age = timezone.now() - at
    pattern = "H:i" if age < _SAME_DAY else _("j M, H:i") if age < _SAME_YEAR else _("j M Y, H:i")
    return format_html(
        _RELATIVE_TIME if relative else _TIME,
        at.isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d %H:%M:%S} {zone}",
        date_format(local, pattern),
    )


@register.filter
def day_and_time(at: datetime) -> str:
    """A date with its year and a time of day, on the clock ``at`` comes with."""
    return date_format(at, _("j M Y, H:i"))


@register.simple_tag
def moment(at: datetime, zone: str) -> SafeString:
    """A date and a time of day at a site, and the site's zone beside it."""
    said = day_and_time(at.astimezone(ZoneInfo(zone)))
    return format_html(
        "{} {}", format_html(_TIME, at.isoformat(timespec="seconds"), said, said), zone_note(zone)
    )


@register.simple_tag
def clock(at: datetime, zone: str) -> str:
    """Hours and minutes at the site."""
    return f"{at.astimezone(ZoneInfo(zone)):%H:%M}"


@register.filter
def told(text: str) -> str:
    """A text that Kanmon itself made in English, in the page's language where that is known."""
    return japanese().said(text) if get_language() == "ja" else text


@register.simple_tag
def said(condition: DeviceCondition) -> SafeString:
    """What a device or its driver said in its own words; ``""`` where it said nothing more.

    The driver's own texts are known in Japanese; a device's stay as they are, marked as what they
    most likely are, for who has them read out.
    """
    message = condition.message
    with override("en"):
        code, part = words.code_words(condition.code), words.component_words(condition.component)
    if _letters(message) in {"", _letters(code), _letters(code + part)}:
        return SafeString()
    known = _known_in_japanese(message) if get_language() == "ja" else None
    if known is None and message.isascii():
        return format_html('<span class="message" lang="en">{}</span>', message)
    return format_html('<span class="message">{}</span>', known or message)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


@lru_cache(maxsize=1024)
def _known_in_japanese(message: str) -> str | None:
    return japanese().known(message)


@register.filter
def code_words(code: str) -> str:
    """What a condition's code means."""
    return words.code_words(code)


@register.filter
def severity_words(severity: str) -> str:
    """A severity in words."""
    return str(words.SEVERITIES[Severity(severity)])


@register.simple_tag
def doing(state: str, family: str) -> str:
    """A state as one says it of such a device."""
    return state_words(State(state), DeviceFamily(family))


@register.filter
def status(thing: DeviceRow | DeviceView) -> dict[str, Any]:
    """A device's state as words, icon and tone; reachability outranks what it last did (C-17)."""
    if thing.hearing.only_counts:
        return {"words": _("Normal"), "icon": State.READY.value, "tone": "ready"}
    reachability = thing.hearing.reachability
    if reachability is Reachability.ONLINE:
        state = State(thing.device.state)
        tone = {State.RUNNING: "good", State.READY: "ready", State.ERROR: "error"}.get(
            state, "calm"
        )
        return {"words": doing(state, thing.family), "icon": state.value, "tone": tone}
    tone = "error" if reachability is Reachability.UNREACHABLE else "pale"
    return {
        "words": str(words.REACHABILITIES[reachability]),
        "icon": reachability.value,
        "tone": tone,
    }


@register.filter
def condition_part(condition: DeviceCondition) -> str:
    """The component of a condition, as parts are spelt; ``""`` for the whole device."""
    return words.component_words(condition.component)


@register.simple_tag
def need(thing: GatewayCard | DeviceRow) -> SafeString:
    """What needs somebody, in one line: ``3F copier, media jam, tray 2, since 10:41``."""
    if isinstance(thing, GatewayCard):
        zone, name, address = thing.gateway.site.time_zone, str(thing.gateway), "gateway"
        said, at, pk = [_("the gateway is silent")], thing.heard_at, thing.gateway.pk
    else:
        device, worst = thing.device, thing.gravest
        own = device.name == GATEWAY_DEVICE
        zone, name = device.gateway.site.time_zone, str(device.gateway if own else device)
        address, pk, at = "device", device.pk, worst.raised_at if worst else None
        said = [_lowered(words.code_words(worst.code)) if worst else _("it cannot be reached")]
        said += [condition_part(worst)] if worst and worst.component else []
    parts = [format_html('<a href="{}">{}</a>', reverse(address, args=[pk]), name), *said]
    if at is not None:
        # No other time zone stands beside the sentence: a script adds it where it is another's.
        told = format_html('<span data-zone="{}">{}</span>', zone, when(at, zone))
        parts.append(mark_safe(_("since %(when)s") % {"when": told}))  # noqa: S308 # made here
    return format_html_join(_(", "), "{}", ((part,) for part in parts))


def _lowered(text: str) -> str:
    """A phrase within a sentence; abbreviations stay as they are."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


@register.simple_tag
def zone_note(zone: str) -> str:
    """A site's time zone; a script marks it where it is not the reader's."""
    return format_html(
        '<span class="zone muted" data-zone="{}" data-differs="{}">{}</span>',
        zone,
        _("times here are the site's, not yours"),
        zone,
    )


@register.simple_tag(takes_context=True)
def here(context: Context, *names: str) -> str:
    """``aria-current`` for the entry of the navigation under which the page is."""
    match = getattr(context.get("request"), "resolver_match", None)
    return mark_safe(' aria-current="page"') if match and match.url_name in names else ""
