"""Devices, conditions and what needs attention, for templates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django import template
from django.urls import reverse
from django.utils.html import conditional_escape, escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from console import vocabulary
from console.catalogue import decode_parts
from drivers.report import Reachability, State
from portal.fleet.kinds import DeviceFamily
from portal.fleet.models import GATEWAY_DEVICE
from portal.fleet.words import DEVICE_KINDS, state_words
from portal.monitoring.device_rows import DeviceRow
from portal.monitoring.overview import GatewayCard
from portal.web import words
from portal.web.moments import zone_of
from portal.web.templatetags.kanmon import icon, when

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from console.text import Message
    from portal.fleet.kinds import DeviceKind
    from portal.fleet.models import DeviceCondition
    from portal.monitoring.device import DeviceView

register = template.Library()
_WORDS: Final = re.compile(r"[A-Z]*[^A-Z]+|[A-Z]+")
"""The parts of a name in camel case; together they are the name."""
_EVIDENCE: Final = 50
"""How many entries of evidence are shown; the ingest stores fewer."""
_ENTRY: Final = ("kind", "address", "label", "value", "meaning", "meaning_id", "profile")


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
    """What is wrong, in the language of the page; ``""`` where it adds nothing to the code.

    A device's own words, and those of a newer gateway, stay as they are. They are marked as English
    for screen readers, which they most likely are, where they are ASCII.
    """
    message = decode_parts(condition.message_id, condition.message_args, condition.message)
    shown = _text(message, sentence=False)
    known = {""}
    for language in {"en", get_language() or "en"}:
        with override(language):
            code = words.code_words(condition.code)
            known |= {_letters(code), _letters(code + words.component_words(condition.component))}
    if message.id == f"condition.{condition.code.replace('.', '_')}" or _letters(shown) in known:
        return SafeString()
    return _in_its_language("message", shown, ours=message.template is not None)


@register.simple_tag
def condition_step(condition: DeviceCondition) -> SafeString:
    """What to do about the cause of a condition; ``""`` where its code says enough."""
    step = decode_parts(condition.next_step_id, condition.next_step_args, condition.next_step)
    shown = _text(step)
    return (
        _in_its_language("step", shown, ours=step.template is not None) if shown else SafeString()
    )


@register.filter
def evidence_rows(condition: DeviceCondition) -> list[dict[str, Any]]:
    """The entries of a condition's evidence, each as words; of an older gateway, its text."""
    stored = condition.evidence if isinstance(condition.evidence, list) else []
    entries = [entry for entry in stored[:_EVIDENCE] if isinstance(entry, dict)]
    if not entries:
        text = condition.source
        return [{"text": _in_its_language("", text, ours=False)}] if text else []
    return [_evidence_row(entry) for entry in entries]


@register.filter
def breakable(name: str) -> SafeString:
    """A name such as ``prtAlertCode``, which a line may be broken in before each capital."""
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in _WORDS.findall(name)))


def _evidence_row(entry: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: str(entry.get(name) or "") for name in _ENTRY}
    args = entry.get("meaning_args")
    meaning = decode_parts(said["meaning_id"], args, said["meaning"])
    return {
        **said,
        "kind": words.heading(vocabulary.word(vocabulary.EVIDENCE_KINDS, said["kind"])),
        "meaning": _in_its_language(
            "", _text(meaning, sentence=False), ours=meaning.template is not None
        ),
    }


def _text(message: Message, *, sentence: bool = True) -> str:
    """A message in the language of the page; words that are not ours as they came."""
    if message.template is None:
        return message.text
    translations = words.page_translations()
    return message.sentence(translations) if sentence else message.heading(translations)


def _in_its_language(name: str, text: str, *, ours: bool) -> SafeString:
    """A text, marked as English where it is not ours and in ASCII."""
    language = "" if ours or not text.isascii() else "en"
    kind, marked = format_html(' class="{}"', name) if name else "", SafeString()
    if language:
        marked = format_html(' lang="{}"', language)
    return format_html("<span{}{}>{}</span>", kind, marked, text)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


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
        state = thing.device.known_state
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
    return words.heading(vocabulary.phrase(condition.code, condition.component))


@register.simple_tag
def need_sentence(thing: GatewayCard | DeviceRow) -> SafeString:
    """What needs attention: ``3F copier: paper jam in tray 2 (since 10:41)``."""
    if isinstance(thing, GatewayCard):
        gateway = thing.gateway
        return _sentence(
            _("%(name)s: gateway not connected (last received %(when)s)"),
            name=_link("gateway", gateway.pk, str(gateway)),
            when=_time(thing.heard_at, gateway.site.time_zone),
        )
    device, worst = thing.device, thing.gravest
    own = device.name == GATEWAY_DEVICE
    name = _link("device", device.pk, str(device.gateway if own else device))
    if worst is None:
        unreachable = vocabulary.word(vocabulary.REACHABILITIES, Reachability.UNREACHABLE.value)
        return _sentence(_("%(name)s: %(what)s"), name=name, what=words.clause(unreachable))
    return _sentence(
        _("%(name)s: %(what)s (since %(when)s)"),
        name=name,
        what=words.clause(vocabulary.phrase(worst.code, worst.component)),
        when=_time(worst.raised_at, device.gateway.site.time_zone),
    )


def _link(name: str, pk: int, text: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(name, args=[pk]), text)


def _time(at: datetime | None, zone: str) -> SafeString:
    """A time of the site; a script adds its zone where it is another than the reader's."""
    shown = when(at, zone) if at else ""
    zone = zone_of(zone).key
    note = _(" (%(zone)s)") % {"zone": zone}
    return format_html('<span data-zone="{}" data-note="{}">{}</span>', zone, note, shown)


def _sentence(sentence: str, **parts: str) -> SafeString:
    """A sentence whose parts are escaped where they are not HTML that was made here."""
    escaped = {name: conditional_escape(part) for name, part in parts.items()}
    return mark_safe(escape(sentence) % escaped)  # noqa: S308 # each part is escaped
