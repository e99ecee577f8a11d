"""Assets, icons, words and times, for templates."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _

from drivers.report import Reachability, Severity, State
from portal.web import assets, words

if TYPE_CHECKING:
    from datetime import datetime

    from portal.fleet.models import Device, DeviceCondition

register = template.Library()
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
def when(at: datetime, zone: str, *, relative: bool = False) -> str:
    """A moment in the site's time; a script may say instead how long ago it was."""
    local = at.astimezone(ZoneInfo(zone))
    age = timezone.now() - at
    pattern = "H:i" if age < timedelta(hours=20) else _("j M, H:i")
    return format_html(
        _RELATIVE_TIME if relative else _TIME,
        at.isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d %H:%M:%S} {zone}",
        date_format(local, pattern),
    )


@register.simple_tag
def clock(at: datetime, zone: str) -> str:
    """Hours and minutes at the site."""
    return f"{at.astimezone(ZoneInfo(zone)):%H:%M}"


@register.filter
def code_words(code: str) -> str:
    """What a condition's code means."""
    return words.code_words(code)


@register.filter
def severity_words(severity: str) -> str:
    """A severity in words."""
    return str(words.SEVERITIES[Severity(severity)])


@register.filter
def state_words(device: Device) -> str:
    """What a device is doing or, where that is not known, why not."""
    return str(status(device)["words"])


@register.filter
def status(device: Device) -> dict[str, Any]:
    """A device's state as words, icon and tone; reachability outranks what it last did (C-17)."""
    reachability = Reachability(device.reachability)
    if reachability is Reachability.ONLINE:
        state = State(device.state)
        tone = {State.RUNNING: "good", State.READY: "good", State.ERROR: "error"}.get(state, "calm")
        return {"words": str(words.STATES[state]), "icon": state.value, "tone": tone}
    tone = "error" if reachability is Reachability.UNREACHABLE else "pale"
    return {
        "words": str(words.REACHABILITIES[reachability]),
        "icon": reachability.value,
        "tone": tone,
    }


@register.filter
def condition_part(condition: DeviceCondition) -> str:
    """The component of a condition, as parts are spelt; ``""`` for the whole device."""
    component = condition.component
    return component.upper() if component in {"l1", "l2", "l3", "n"} else component
