"""What is used up or fills up, in words for people: kinds of supply and their colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

KINDS: Final[dict[str, _StrPromise]] = {
    "toner": later("Toner"),
    "ink": later("Ink"),
    "drum": later("Drum"),
    "developer": later("Developer"),
    "fuser": later("Fuser"),
    "fuser_oil": later("Fuser oil"),
    "transfer_unit": later("Transfer unit"),
    "corona_wire": later("Corona wire"),
    "wax": later("Wax"),
    "water": later("Water"),
    "glue": later("Glue"),
    "waste": later("Waste container"),
    "maintenance_tank": later("Maintenance tank"),
    "maintenance_kit": later("Maintenance kit"),
    "ribbon": later("Ribbon"),
    "staples": later("Staples"),
    "cleaner": later("Cleaning unit"),
    "paper": later("Paper"),
    "funds": later("Funds"),
    "other": later("Other supply"),
}
COLOURS: Final[dict[str, _StrPromise]] = {
    "black": later("Black"),
    "photo_black": later("Photo black"),
    "matte_black": later("Matte black"),
    "cyan": later("Cyan"),
    "light_cyan": later("Light cyan"),
    "magenta": later("Magenta"),
    "light_magenta": later("Light magenta"),
    "yellow": later("Yellow"),
    "gray": later("Grey"),
    "light_gray": later("Light grey"),
    "red": later("Red"),
    "green": later("Green"),
    "blue": later("Blue"),
    "orange": later("Orange"),
    "violet": later("Violet"),
    "white": later("White"),
}


def supply_name(kind: _StrPromise, colour: _StrPromise | None) -> str:
    """A supply by its kind and, where it has one, its colour: ``Light cyan toner``."""
    if colour is None:
        return str(kind)
    return _("%(colour)s %(kind)s") % {"colour": colour, "kind": _within(str(kind))}


def supply_words(component: str) -> str:
    """A condition's component that is a supply, such as ``toner light cyan``; ``""`` for others."""
    for kind, said in KINDS.items():
        begins = kind.replace("_", " ")
        rest = component.removeprefix(begins).strip().replace(" ", "_")
        if component == begins or (component.startswith(f"{begins} ") and rest in COLOURS):
            return supply_name(said, COLOURS.get(rest))
    return ""


def _within(word: str) -> str:
    """A noun that is not the first word."""
    return word[:1].lower() + word[1:]
