"""What a device's parts, supplies and evidence are called, in the language of the console.

Drivers name a part by kind and number or colour (``tray 2``, ``toner black``); that name is part of
a condition's identity and stays as it is in JSON. Of evidence, what stands before the arrow is what
the device said, and stays, too; what was made of it is said.
"""

from __future__ import annotations

from typing import Final

from console.language import marked, tr
from gateway.cli import words

KINDS: Final = {
    "tray": marked("tray"),
    "roll": marked("roll"),
    "input": marked("input"),
    "output": marked("output"),
    "cover": marked("cover"),
    "marker": marked("marker"),
    "path": marked("path"),
    "channel": marked("channel"),
    "interpreter": marked("interpreter"),
    "finisher": marked("finisher"),
    "finisher supply": marked("finisher supply"),
    "supply": marked("supply"),
    "toner": marked("toner"),
    "ink": marked("ink"),
    "waste": marked("waste"),
    "maintenance tank": marked("maintenance tank"),
    "drum": marked("drum"),
    "developer": marked("developer"),
    "fuser": marked("fuser"),
    "fuser oil": marked("fuser oil"),
    "transfer unit": marked("transfer unit"),
    "corona wire": marked("corona wire"),
    "cleaner": marked("cleaner"),
    "ribbon": marked("ribbon"),
    "wax": marked("wax"),
    "water": marked("water"),
    "glue": marked("glue"),
    "binding": marked("binding"),
    "banding": marked("banding"),
    "staples": marked("staples"),
    "wrap": marked("wrap"),
    "insert": marked("insert"),
    "cover sheet": marked("cover sheet"),
    "other": marked("other supply"),
}
"""Of parts (`drivers.printer`) and supplies, as conditions write them."""
COLOURS: Final = {
    "black": marked("black"),
    "cyan": marked("cyan"),
    "magenta": marked("magenta"),
    "yellow": marked("yellow"),
    "light cyan": marked("light cyan"),
    "light magenta": marked("light magenta"),
    "matte black": marked("matte black"),
    "photo black": marked("photo black"),
    "gray": marked("grey"),
    "light gray": marked("light grey"),
    "white": marked("white"),
    "red": marked("red"),
    "green": marked("green"),
    "blue": marked("blue"),
    "orange": marked("orange"),
    "violet": marked("violet"),
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
