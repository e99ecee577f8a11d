"""What sort of thing a device is, from what is known of it."""

from __future__ import annotations

from typing import Any

import pytest

from portal.fleet.kinds import DeviceFamily, DeviceKind, KindEvidence, kind_of

PAGES = frozenset({("impressions", "")})
BOTH = frozenset({("impressions", "colour=colour"), ("impressions", "colour=mono")})
COPIES = frozenset({("impressions", "colour=mono,function=copy"), ("impressions", "")})
AREA = frozenset({("area", ""), ("jobs", "")})
INKS = ("black", "cyan", "magenta", "yellow")


@pytest.mark.req("C-16")
@pytest.mark.parametrize(
    ("known", "kind"),
    [
        ({"series": PAGES, "supplies": ("black",)}, "mono_printer"),
        ({"series": PAGES, "supplies": INKS}, "colour_printer"),
        ({"series": BOTH}, "colour_printer"),
        ({"supplies": ("", "black")}, "mono_printer"),
        ({"series": COPIES, "supplies": ("black",)}, "mono_multifunction"),
        ({"series": COPIES, "supplies": INKS}, "colour_multifunction"),
        ({"series": frozenset({("sheets", "function=scan")})}, "mono_multifunction"),
        ({"series": PAGES, "model": "LaserWriter MFP 12"}, "mono_multifunction"),
        ({"series": PAGES, "supplies": INKS, "model": "Copier C450"}, "colour_multifunction"),
        ({"series": PAGES, "model": "複合機 12"}, "mono_multifunction"),
        ({"series": PAGES, "model": "Copierless 3"}, "mono_printer"),
        ({"series": AREA, "supplies": INKS}, "large_format"),
        ({"series": frozenset({("length", "")})}, "large_format"),
        ({"series": PAGES, "model": "Wide-Format 44"}, "large_format"),
        ({"series": AREA, "model": "Label Press 9"}, "label_printer"),
        ({"series": AREA, "model": "LX-900", "label": "Label printer"}, "label_printer"),
        ({"series": PAGES, "supplies": INKS, "label": "Label room"}, "colour_printer"),
        ({"series": PAGES, "model": "Thermal receipt 80"}, "receipt_printer"),
        ({"series": PAGES, "label": "レシートプリンタ 1"}, "receipt_printer"),
        ({"series": frozenset({("power.active", "")})}, "meter"),
        ({"series": frozenset({("power.active", "")}), "label": "Label printer"}, "meter"),
        ({"series": frozenset({("voltage", "string=1")})}, "inverter"),
        ({"series": frozenset({("power.active", "")}), "model": "Inverter 10K"}, "inverter"),
        ({}, "meter"),
    ],
)
def test_a_kind_is_what_the_device_shows_of_itself(known: dict[str, Any], kind: str) -> None:
    assert kind_of(KindEvidence(**known)) == kind


def test_every_kind_that_prints_is_a_printer_to_the_donut() -> None:
    assert {kind for kind in DeviceKind if kind.family is DeviceFamily.METER} == {
        "meter",
        "inverter",
    }
