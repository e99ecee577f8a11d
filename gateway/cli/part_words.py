"""What a device's parts, supplies and evidence are called, in the language of the console.

Drivers name a part by kind and number or colour (``tray 2``, ``toner black``); that name is part of
a condition's identity and stays as it is in JSON. Of evidence, what stands before the arrow is what
the device said, and stays, too; what was made of it is said.
"""

from __future__ import annotations

from typing import Final

from console.language import tr, tr_noop
from gateway.cli import words

KINDS: Final = {
    "tray": tr_noop("tray"),
    "roll": tr_noop("roll"),
    "input": tr_noop("input"),
    "output": tr_noop("output"),
    "cover": tr_noop("cover"),
    "marker": tr_noop("marker"),
    "path": tr_noop("path"),
    "channel": tr_noop("channel"),
    "interpreter": tr_noop("interpreter"),
    "finisher": tr_noop("finisher"),
    "finisher supply": tr_noop("finisher supply"),
    "supply": tr_noop("supply"),
    "toner": tr_noop("toner"),
    "ink": tr_noop("ink"),
    "waste": tr_noop("waste"),
    "maintenance tank": tr_noop("maintenance tank"),
    "drum": tr_noop("drum"),
    "developer": tr_noop("developer"),
    "fuser": tr_noop("fuser"),
    "fuser oil": tr_noop("fuser oil"),
    "transfer unit": tr_noop("transfer unit"),
    "corona wire": tr_noop("corona wire"),
    "cleaner": tr_noop("cleaner"),
    "ribbon": tr_noop("ribbon"),
    "wax": tr_noop("wax"),
    "water": tr_noop("water"),
    "glue": tr_noop("glue"),
    "binding": tr_noop("binding"),
    "banding": tr_noop("banding"),
    "staples": tr_noop("staples"),
    "wrap": tr_noop("wrap"),
    "insert": tr_noop("insert"),
    "cover sheet": tr_noop("cover sheet"),
    "other": tr_noop("other supply"),
}
"""Of parts (`drivers.printer`) and supplies, as conditions write them."""
COLOURS: Final = {
    "black": tr_noop("black"),
    "cyan": tr_noop("cyan"),
    "magenta": tr_noop("magenta"),
    "yellow": tr_noop("yellow"),
    "light cyan": tr_noop("light cyan"),
    "light magenta": tr_noop("light magenta"),
    "matte black": tr_noop("matte black"),
    "photo black": tr_noop("photo black"),
    "gray": tr_noop("grey"),
    "light gray": tr_noop("light grey"),
    "white": tr_noop("white"),
    "red": tr_noop("red"),
    "green": tr_noop("green"),
    "blue": tr_noop("blue"),
    "orange": tr_noop("orange"),
    "violet": tr_noop("violet"),
}
_ARROW: Final = " -> "
_CLASS: Final = "class "
_PROFILE: Final = "profile "
_FIELD_SERVICE: Final = "field service"


def component(name: str) -> str:
    """A part; one that nobody knows here stays as its driver calls it."""
    for kind in sorted(KINDS, key=len, reverse=True):
        if name == kind:
            return tr(KINDS[kind])
        if name.startswith(f"{kind} "):
            return f"{tr(KINDS[kind])} {colour(name[len(kind) + 1 :])}"
    return name


def supply(kind: str) -> str:
    """A kind of supply."""
    written = kind.replace("_", " ")
    return tr(KINDS[written]) if written in KINDS else written


def colour(name: str) -> str:
    """A colour; what is none of ours, such as a number, stays."""
    written = name.replace("_", " ")
    return tr(COLOURS[written]) if written in COLOURS else name


def evidence(part: str) -> str:
    """What a condition rests on: as it came, and what was made of it."""
    said, arrow, how = part.rpartition(_ARROW)
    return f"{said}{arrow}{', '.join(map(_how, how.split(', ')))}" if arrow else part


def _how(word: str) -> str:
    if word in words.SEVERITIES:
        return words.severity(word)
    if word == _FIELD_SERVICE:
        return tr("field service")
    if word.startswith(_CLASS):
        return tr("class {name}", name=word.removeprefix(_CLASS))
    if word.startswith(_PROFILE):
        return tr("profile {name}", name=word.removeprefix(_PROFILE))
    return word
