"""Devices, conditions and what needs somebody, for templates; and the report of the first page."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from console import vocabulary
from console.patterns import japanese
from drivers.report import Reachability, State
from portal.fleet.kinds import DeviceFamily
from portal.fleet.models import GATEWAY_DEVICE
from portal.fleet.words import DEVICE_KINDS, state_words
from portal.monitoring.overview import DeviceRow, GatewayCard
from portal.usage import printing
from portal.web import words
from portal.web.templatetags.kanmon import icon, when

if TYPE_CHECKING:
    from datetime import datetime

    from portal.fleet.kinds import DeviceKind
    from portal.fleet.models import DeviceCondition
    from portal.monitoring.device import DeviceView
    from portal.monitoring.overview import Overview

register = template.Library()


@register.simple_tag
def kind_icon(kind: DeviceKind) -> SafeString:
    """The icon of a kind of device, with its name for screen readers."""
    name = DEVICE_KINDS[kind]
    return format_html(
        '<span class="kind" title="{}">{}<span class="sr">{}</span></span>', name, icon(kind), name
    )


@register.filter
def kind_words(kind: DeviceKind) -> str:
    """The name of a kind of device."""
    return str(DEVICE_KINDS[kind])


@register.simple_tag
def condition_message(condition: DeviceCondition) -> SafeString:
    """The text that a device or its driver added; ``""`` where it adds nothing to the code.

    The driver's texts have a Japanese translation; a device's own stay as they are, and are marked
    as English, which they most likely are, for screen readers.
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
    return japanese().translate_if_sure(message)


@register.filter
def code_words(code: str) -> str:
    """The meaning of a condition's code."""
    return words.code_words(code)


@register.filter
def severity_words(severity: str) -> str:
    """The name of a severity."""
    return words.severity_words(severity)


@register.simple_tag
def device_state(state: str, family: str) -> str:
    """The name of a state, as it is used of devices of ``family``."""
    return state_words(State(state), DeviceFamily(family))


@register.filter
def status(thing: DeviceRow | DeviceView) -> dict[str, Any]:
    """A device's state as words, icon and tone; reachability comes before its last state (C-17)."""
    if thing.connectivity.only_counts:
        return {"words": _("Normal"), "icon": State.READY.value, "tone": "ready"}
    reachability = thing.connectivity.reachability
    if reachability is Reachability.ONLINE:
        state = State(thing.device.state)
        tone = {State.RUNNING: "good", State.READY: "ready", State.ERROR: "error"}.get(
            state, "calm"
        )
        return {"words": device_state(state, thing.family), "icon": state.value, "tone": tone}
    tone = "error" if reachability is Reachability.UNREACHABLE else "inactive"
    return {
        "words": words.reachability_words(reachability),
        "icon": reachability.value,
        "tone": tone,
    }


@register.filter
def condition_phrase(condition: DeviceCondition) -> str:
    """A condition and its component in words: ``Paper jam in tray 2``."""
    return words.headed(vocabulary.phrase(condition.code, condition.component))


@register.simple_tag
def need_sentence(thing: GatewayCard | DeviceRow) -> SafeString:
    """What needs attention: ``3F copier: paper jam in tray 2 (since 10:41)``."""
    if isinstance(thing, GatewayCard):
        gateway = thing.gateway
        return _filled(
            _("%(name)s: gateway not connected (last received %(when)s)"),
            name=_link("gateway", gateway.pk, str(gateway)),
            when=_time(thing.heard_at, gateway.site.time_zone),
        )
    device, worst = thing.device, thing.gravest
    own = device.name == GATEWAY_DEVICE
    name = _link("device", device.pk, str(device.gateway if own else device))
    if worst is None:
        unreachable = vocabulary.word(vocabulary.REACHABILITIES, Reachability.UNREACHABLE.value)
        return _filled(_("%(name)s: %(what)s"), name=name, what=words.said(unreachable))
    return _filled(
        _("%(name)s: %(what)s (since %(when)s)"),
        name=name,
        what=words.said(vocabulary.phrase(worst.code, worst.component)),
        when=_time(worst.raised_at, device.gateway.site.time_zone),
    )


def _link(name: str, pk: int, text: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(name, args=[pk]), text)


def _time(at: datetime | None, zone: str) -> SafeString:
    """A time of the site; a script adds its zone where it is another than the reader's."""
    shown = when(at, zone) if at else ""
    note = _(" (%(zone)s)") % {"zone": zone}
    return format_html('<span data-zone="{}" data-note="{}">{}</span>', zone, note, shown)


def _filled(sentence: str, **parts: str) -> SafeString:
    """A sentence whose parts are escaped where they are not HTML that was made here."""
    escaped = {name: conditional_escape(part) for name, part in parts.items()}
    return mark_safe(escape(sentence) % escaped)  # noqa: S308 # each part is escaped


@register.simple_tag
def print_report(overview: Overview) -> printing.PrintReport | None:
    """What all printers printed in the last 30 days; ``None`` without a printer (E-30)."""
    return printing.print_report(overview.printers, "", printing.last_days, timezone.now())
