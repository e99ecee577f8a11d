"""The kinds of device in words for people, and what a device of a family is doing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as later

from drivers.report import State
from portal.fleet.kinds import DeviceFamily, DeviceKind
from portal.web import words

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

DEVICE_KINDS: Final[dict[DeviceKind, _StrPromise]] = {
    DeviceKind.COLOUR_MULTIFUNCTION: later("Colour multifunction printer"),
    DeviceKind.MONO_MULTIFUNCTION: later("Monochrome multifunction printer"),
    DeviceKind.COLOUR_PRINTER: later("Colour printer"),
    DeviceKind.MONO_PRINTER: later("Monochrome printer"),
    DeviceKind.LARGE_FORMAT: later("Large format printer"),
    DeviceKind.LABEL_PRINTER: later("Label printer"),
    DeviceKind.RECEIPT_PRINTER: later("Receipt printer"),
    DeviceKind.METER: later("Meter"),
    DeviceKind.INVERTER: later("Inverter"),
}
_PRINTING: Final = later("Printing")


def state_words(state: State, family: DeviceFamily) -> str:
    """What a device of ``family`` is doing: a printer that runs is printing."""
    printing = state is State.RUNNING and family is DeviceFamily.PRINTER
    return str(_PRINTING) if printing else words.state_words(state)
