"""A printer's identity. Pure.

No standard says a printer's maker, and its model stands in a sentence. The maker is the first name
in the texts that is known, or who owns the agent's identifier; the model is hrDeviceDescr without
it. What agents of print servers hide in sysDescr is dug out of it, by patterns that are data.

Sources: RFC 2790, RFC 3805, IANA's enterprise numbers; sysDescr of real agents.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.printer.mib import INTERFACES, Index, Row, rows
from drivers.report import Identity
from protocols.snmp.model import Value

ENTERPRISES: Final = "1.3.6.1.4.1."
_OWNERS: Final = {
    11: "HP",
    236: "Samsung",
    253: "Xerox",
    297: "FUJIFILM",
    367: "RICOH",
    641: "Lexmark",
    674: "Dell",
    1129: "TOSHIBA",
    1248: "EPSON",
    1347: "KYOCERA",
    1602: "Canon",
    2001: "OKI",
    2385: "SHARP",
    2435: "Brother",
    10642: "Zebra",
    18334: "KONICA MINOLTA",
    40093: "Pantum",
}
_BRANDS: Final = (
    "Brother", "Canon", "Citizen", "Dell", "Develop", "EPSON", "FUJI XEROX", "FUJIFILM",
    "Hewlett-Packard", "HP", "Intermec", "KONICA MINOLTA", "KYOCERA", "Lexmark", "OKI", "Olivetti",
    "Panasonic", "Pantum", "RICOH", "SATO", "Samsung", "SHARP", "TOSHIBA", "Triumph-Adler", "UTAX",
    "Xerox", "Zebra",
)  # fmt: skip
_BRAND: Final = re.compile(
    r"(?<![A-Za-z])((?i:" + "|".join(sorted(_BRANDS, key=len, reverse=True)) + r"))(?![a-z])"
)
_SPELLED: Final = {name.lower(): name for name in _BRANDS} | {"hewlett-packard": "HP"}
_MODELS: Final = (re.compile(r"PID:([^,;]+)"), re.compile(r"Attached to (\S+)"))
_SERIALS: Final = (re.compile(r",SN:([^,;]+)"),)
_FIRMWARES: Final = (
    re.compile(r"Attached to \S+ Rev\.(\S+)"),
    re.compile(r"Firmware Ver\.\s*(\S+)"),
    re.compile(r";ESS\s*([\d.]+)"),
)
FIRMWARE_OF: Final = {1602: "1.3.6.1.4.1.1602.1.1.1.4.0"}
"""The object that has the firmware, by enterprise number: there is no standard one."""
_END: Final = re.compile(r"\s+/|[;,:]")
"""Ends the model in a sentence."""
_EMPTY: Final = ("generic", "printer")
_ETHERNET_UP: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityFields:
    """The texts of an agent that tell its device's identity.

    Attributes:
        system: sysDescr.
        owner: sysObjectID.
        device: hrDeviceDescr.
        serial: prtGeneralSerialNumber.
        firmware: The value of the object in `FIRMWARE_OF`.
        interfaces: The walk of ifTable.
    """

    system: str = ""
    owner: str = ""
    device: str = ""
    serial: str = ""
    firmware: str = ""
    interfaces: Mapping[str, Value]


def enterprise(owner: str) -> int | None:
    """The number of the enterprise that an object identifier belongs to."""
    if not owner.startswith(ENTERPRISES):
        return None
    number = owner[len(ENTERPRISES) :].partition(".")[0]
    return int(number) if number.isdecimal() else None


def identity(fields: IdentityFields) -> Identity:
    """The identity, as far as the texts tell it."""
    maker = _maker(fields)
    return Identity(
        maker=maker,
        model=_model(fields, maker),
        serial=fields.serial or _first(_SERIALS, fields.system),
        firmware=fields.firmware or _first(_FIRMWARES, fields.system),
        mac=_mac(fields.interfaces),
    )


def _maker(fields: IdentityFields) -> str:
    for text in (fields.device, fields.system):
        found = _BRAND.search(text)
        if found:
            return _SPELLED[found[1].lower()]
    return _OWNERS.get(enterprise(fields.owner) or 0, "")


def _model(fields: IdentityFields, maker: str) -> str:
    device = _without(fields.device, maker)
    if device and not device.lower().startswith(_EMPTY):
        return device
    found = _first(_MODELS, fields.system)
    sentence = _END.split(fields.system, maxsplit=1)[0].strip()
    return _without(found or sentence, maker) or device


def _without(text: str, maker: str) -> str:
    """``text`` without the maker that it begins with."""
    text = text.strip()
    begins = bool(maker) and f"{text} ".lower().startswith(f"{maker} ".lower())
    return text[len(maker) :].strip() if begins else text


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> str:
    matches = (pattern.search(text) for pattern in patterns)
    return next((found[1].strip() for found in matches if found), "")


def _mac(interfaces: Mapping[str, Value]) -> str:
    """The MAC address of the first interface that has one, those that are up first."""
    table = rows(interfaces, INTERFACES.entry)
    having = [(_rank(index, row), row.octets(6)) for index, row in table.items()]
    having = [(rank, mac) for rank, mac in having if len(mac) == 6 and any(mac)]
    return min(having)[1].hex(":") if having else ""


def _rank(index: Index, row: Row) -> tuple[bool, Index]:
    return (row.whole(8) not in (_ETHERNET_UP, None), index)
