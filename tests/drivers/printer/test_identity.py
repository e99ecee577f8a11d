"""Who a printer is, out of the sentences that it says."""

from __future__ import annotations

import pytest

from drivers.printer.identity import IdentityFields, identity
from protocols.snmp.model import Value


def who(system: str = "", device: str = "", owner: str = "1.3.6.1.4.1.11.1") -> tuple[str, ...]:
    found = identity(IdentityFields(system=system, device=device, owner=owner, interfaces={}))
    return (found.maker, found.model, found.serial, found.firmware)


@pytest.mark.parametrize(
    ("system", "device", "expected"),
    [
        ("", "Brother HL-1 series", ("Brother", "HL-1 series", "", "")),
        ("Sharp MX-1", "SHARP MX-1", ("SHARP", "MX-1", "", "")),
        ("Vendor Print Server, SN:1", "X 5", ("HP", "X 5", "", "")),
        ("HP NET,SN:AB12,FN:1,PID:HP Laser 9 dn", "", ("HP", "Laser 9 dn", "AB12", "")),
        ("OKI Lan 1 Rev.2: Attached to C9 Rev.03.04 : x", "", ("OKI", "C9", "", "03.04")),
        ("KONICA MINOLTA bizhub 1", "Generic 28C", ("KONICA MINOLTA", "bizhub 1", "", "")),
        ("FUJI XEROX Port 4;ESS1.0.2,IOT 5", "", ("FUJI XEROX", "Port 4", "", "1.0.2")),
        ("ZebraNet Wired", "", ("Zebra", "ZebraNet Wired", "", "")),
        ("Brother NC-1, Firmware Ver.1.01  (x)", "", ("Brother", "NC-1", "", "1.01")),
    ],
)
def test_a_printer_is_known_by_what_it_says(
    system: str, device: str, expected: tuple[str, ...]
) -> None:
    assert who(system, device) == expected


def test_a_brand_is_a_word_of_its_own() -> None:
    assert who("Shipping Labeler", "Shipping Labeler", owner="1.3.6.1.4.1.99999")[0] == ""


def test_the_address_is_that_of_the_first_interface_that_is_up() -> None:
    table = "1.3.6.1.2.1.2.2.1"
    interfaces: dict[str, Value] = {
        f"{table}.6.1": b"", f"{table}.6.2": bytes(6), f"{table}.6.3": b"\x02\0\0\0\0\x03",
        f"{table}.8.3": 2, f"{table}.6.4": b"\x02\0\0\0\0\x04", f"{table}.8.4": 1,
    }  # fmt: skip

    assert identity(IdentityFields(interfaces=interfaces)).mac == "02:00:00:00:00:04"
