"""The words of reports in the language of the page; the words are in `console.vocabulary`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from django.utils.functional import lazy
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from console import vocabulary
from console.language import translations
from console.text import Duration
from drivers.report import Quantity

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from console.text import Message, Translations
    from drivers.report import Quality, Reachability, State, SupplyState

GAP_REASONS: Final[dict[str, _StrPromise]] = {
    "cap": later("Dropped by the gateway: spool full"),
    "disk": later("Dropped by the gateway: disk full"),
    "damaged": later("Lost on the gateway: disk damaged"),
    "invalid": later("Lost on the gateway: could not be sent"),
    "portal": later("Lost on the portal, and no longer on the gateway"),
    "moved": later("Sent again under another number"),
}
_BY_NAME: Final[dict[str, Quantity]] = {quantity.value: quantity for quantity in Quantity}


def page_translations() -> Translations:
    """The catalogue of both programs in the language of the page."""
    return translations(get_language() or "en")


def clause(message: Message) -> str:
    """A message as it stands within a sentence."""
    return message.format(page_translations())


def heading(message: Message) -> str:
    """A message as it stands in a cell, on a label or in a heading."""
    return message.heading(page_translations())


def duration_words(seconds: float) -> str:
    """A span of time: ``2 min 20 s``, ``2分20秒``."""
    return Duration(seconds).format(page_translations())


def quantity_of(name: str) -> Quantity | None:
    """The quantity with this name; ``None`` for one from a newer gateway."""
    return _BY_NAME.get(name)


def quantity_words(name: str) -> str:
    """The name of a quantity; the raw name for one from a newer gateway."""
    return heading(vocabulary.word(vocabulary.QUANTITIES, name))


def later_quantity(quantity: Quantity) -> _StrPromise:
    """`quantity_words` in the language of the page that shows it."""
    return cast("_StrPromise", _later(quantity.value))


_later = lazy(quantity_words, str)


def part_words(part: str) -> str:
    """The name of a part: ``L1``, ``N``, ``L1-L2``, ``tariff 2``, ``monochrome, A4``."""
    return clause(vocabulary.part(part))


def unit_words(unit: str) -> str:
    """The name of a unit; that of counted things is in the page's language."""
    return clause(vocabulary.word(vocabulary.UNITS, unit))


def state_words(state: State) -> str:
    """What a device is doing."""
    return heading(vocabulary.word(vocabulary.STATES, state.value))


def reachability_words(reachability: Reachability) -> str:
    """Whether a device can be reached."""
    return heading(vocabulary.word(vocabulary.REACHABILITIES, reachability.value))


def severity_words(severity: str) -> str:
    """How severe a condition is."""
    return heading(vocabulary.word(vocabulary.SEVERITIES, severity))


def quality_words(quality: Quality) -> str:
    """Why there is no value."""
    return heading(vocabulary.word(vocabulary.QUALITIES, quality.value))


def code_words(code: str) -> str:
    """The meaning of a condition's code; the code itself for one from a newer gateway."""
    return heading(vocabulary.word(vocabulary.CODES, code))


def component_words(component: str) -> str:
    """The name of the component a condition is about; ``""`` for the whole device."""
    return heading(vocabulary.component(component))


def supply_words(kind: str, colour: str = "") -> str:
    """A supply by its kind and, where it has one, its colour: ``Light cyan toner``."""
    return heading(vocabulary.supply(kind, colour))


def supply_state_words(state: SupplyState) -> str:
    """What is known of a supply whose level is not known."""
    return heading(vocabulary.word(vocabulary.SUPPLY_STATES, state.value))


def gap_words(reason: str) -> str:
    """Why a gateway dropped records."""
    return str(GAP_REASONS.get(reason, _("Dropped by the gateway")))
