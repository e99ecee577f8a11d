"""The kind of a device, derived from what it reports where no person chose one. Pure.

The first row that applies::

    it prints (a counter of prints, or supplies), and
        its model or label says receipt                  receipt printer
        its model or label says label                    label printer
        it counts area or length, or its model says so   large format printer
        it counts copies, scans or faxes, or its model
        says so                                          multifunction, colour or monochrome
        else                                             printer, colour or monochrome
    it measures strings, or its model says inverter      inverter
    anything else                                        meter

Colour is who has ink or toner of a colour, or counts prints in it.

Source: requirement C-16.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from drivers.report import Quantity


class DeviceFamily(StrEnum):
    """The two families that people sort devices into; counts and pages differ between them."""

    PRINTER = "printer"
    METER = "meter"


class DeviceKind(StrEnum):
    """The kind of a device; the value is also the name of its icon."""

    COLOUR_MULTIFUNCTION = "colour_multifunction"
    MONO_MULTIFUNCTION = "mono_multifunction"
    COLOUR_PRINTER = "colour_printer"
    MONO_PRINTER = "mono_printer"
    LARGE_FORMAT = "large_format"
    LABEL_PRINTER = "label_printer"
    RECEIPT_PRINTER = "receipt_printer"
    METER = "meter"
    INVERTER = "inverter"

    @property
    def family(self) -> DeviceFamily:
        """Whether it is a printer of any sort, or measures."""
        measures = self in {DeviceKind.METER, DeviceKind.INVERTER}
        return DeviceFamily.METER if measures else DeviceFamily.PRINTER


PRINTED: Final = frozenset(
    quantity.value
    for quantity in (
        Quantity.IMPRESSIONS,
        Quantity.SHEETS,
        Quantity.JOBS,
        Quantity.AREA,
        Quantity.LENGTH,
        Quantity.INK,
    )
)
"""Quantities that only printers count."""

_EXTENT: Final = frozenset({Quantity.AREA.value, Quantity.LENGTH.value})
_TONERS: Final = frozenset({"cyan", "magenta", "yellow"})
_COLOURED: Final = re.compile(r"(?:^|,)colour=(?:colour|two|single)(?:,|$)")
_MULTIFUNCTION: Final = re.compile(r"(?:^|,)function=(?:copy|receive|scan|send)(?:,|$)")
_STRING: Final = re.compile(r"(?:^|,)string=")
_SAYS_RECEIPT: Final = re.compile(r"\breceipt|\bpos\b|レシート", re.IGNORECASE)
_SAYS_LABEL: Final = re.compile(r"\blabel|ラベル", re.IGNORECASE)
_LABELLED_RECEIPT: Final = re.compile(r"\breceipt printer|レシートプリンタ", re.IGNORECASE)
_LABELLED_LABEL: Final = re.compile(r"\blabel printer|ラベルプリンタ", re.IGNORECASE)
_SAYS_LARGE: Final = re.compile(r"\bplotter|\b(?:large|wide)[ -]?format|大判", re.IGNORECASE)
_SAYS_MULTIFUNCTION: Final = re.compile(
    r"\bmfp\b|\bmfc\b|\bmulti-?function|\bcopier\b|複合機|コピー機", re.IGNORECASE
)
_SAYS_INVERTER: Final = re.compile(r"\binverter\b|パワーコンディショナ", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindEvidence:
    """What is known of a device that says what kind it is.

    Attributes:
        series: (quantity, part) of everything it measures.
        supplies: The colour of each thing that it uses up or fills; ``""`` for one without.
        model: Its model, as it says.
        label: What people call it.
    """

    series: frozenset[tuple[str, str]] = frozenset()
    supplies: tuple[str, ...] = ()
    model: str = ""
    label: str = ""

    @property
    def quantities(self) -> frozenset[str]:
        """The quantities that it measures."""
        return frozenset(quantity for quantity, _part in self.series)

    def counts(self, part: re.Pattern[str]) -> bool:
        """Whether it measures anything whose part matches ``part``."""
        return any(part.search(said) for _quantity, said in self.series)


def kind_of(evidence: KindEvidence) -> DeviceKind:
    """The kind of a device by the module's table."""
    if evidence.supplies or not PRINTED.isdisjoint(evidence.quantities):
        return _printer(evidence)
    if evidence.counts(_STRING) or _SAYS_INVERTER.search(evidence.model):
        return DeviceKind.INVERTER
    return DeviceKind.METER


def _printer(evidence: KindEvidence) -> DeviceKind:
    # A label is free text: "Label room" names a place, "Label printer" a thing.
    if _SAYS_RECEIPT.search(evidence.model) or _LABELLED_RECEIPT.search(evidence.label):
        return DeviceKind.RECEIPT_PRINTER
    if _SAYS_LABEL.search(evidence.model) or _LABELLED_LABEL.search(evidence.label):
        return DeviceKind.LABEL_PRINTER
    if not _EXTENT.isdisjoint(evidence.quantities) or _SAYS_LARGE.search(evidence.model):
        return DeviceKind.LARGE_FORMAT
    coloured = not _TONERS.isdisjoint(evidence.supplies) or evidence.counts(_COLOURED)
    if evidence.counts(_MULTIFUNCTION) or _SAYS_MULTIFUNCTION.search(evidence.model):
        return DeviceKind.COLOUR_MULTIFUNCTION if coloured else DeviceKind.MONO_MULTIFUNCTION
    return DeviceKind.COLOUR_PRINTER if coloured else DeviceKind.MONO_PRINTER
