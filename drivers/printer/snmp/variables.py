"""The variables that the driver asks for beside the tables of `drivers.printer.mib`. Pure.

Sources: RFC 1213 (system), RFC 2790 (host resources), RFC 3805 (printer).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from protocols.snmp.model import Value

SYSTEM_DESCRIPTION: Final = "1.3.6.1.2.1.1.1.0"
SYSTEM_OBJECT: Final = "1.3.6.1.2.1.1.2.0"
UPTIME: Final = "1.3.6.1.2.1.1.3.0"
PRINTER_TYPE: Final = "1.3.6.1.2.1.25.3.1.5"
"""hrDeviceType of a printer."""
DEVICE_TYPES: Final = "1.3.6.1.2.1.25.3.2.1.2"
DEVICE_DESCRIPTION: Final = "1.3.6.1.2.1.25.3.2.1.3"
PRINTER_STATUS: Final = "1.3.6.1.2.1.25.3.5.1.1"
CURRENT_LOCALIZATION: Final = "1.3.6.1.2.1.43.5.1.1.2"
SERIAL_NUMBER: Final = "1.3.6.1.2.1.43.5.1.1.17"
CHARACTER_SETS: Final = "1.3.6.1.2.1.43.7.1.1.4"
"""Columns: the device's index follows, and where it is so, that of the row."""


def column(found: Mapping[str, Value], base: str) -> Iterator[tuple[int, Value]]:
    """A column's values by the last number of their index."""
    for oid, value in found.items():
        if oid.startswith(base + "."):
            yield int(oid.rpartition(".")[2]), value
