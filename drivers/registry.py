"""The table of drivers: which kind serves a URL scheme.

Nothing registers itself: a family is served because it stands here. No other module imports kinds,
which import neither codecs nor libraries until a device is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from drivers.modbus.kind import ModbusRtu, ModbusRtuTcp, ModbusTcp
from drivers.printer.snmp.kind import PrinterMib

if TYPE_CHECKING:
    from drivers.driver import DriverKind


def table(kinds: Mapping[str, DriverKind]) -> Mapping[str, DriverKind]:
    """``kinds``, once every scheme belongs to the kind that names it.

    Raises:
        ValueError: A kind stands under a scheme that it does not name, lacks one that it names, or
            two kinds name the same one.
    """
    for scheme, kind in kinds.items():
        if scheme not in kind.schemes:
            raise ValueError(f"{type(kind).__name__} stands under {scheme}, which it does not name")
        for named in kind.schemes:
            if kinds.get(named) is not kind:
                raise ValueError(f"{type(kind).__name__} names {named}, which is not its own")
    return kinds


DRIVERS: Final[Mapping[str, DriverKind]] = table(
    {
        "modbus-rtu": ModbusRtu(),
        "modbus-rtu+tcp": ModbusRtuTcp(),
        "modbus-tcp": ModbusTcp(),
        "snmp": PrinterMib(),
    }
)


def example_of(scheme: str) -> str:
    """A URL of ``scheme`` for a person who has to correct one; a meter's where there is none."""
    return DRIVERS.get(scheme, DRIVERS["modbus-tcp"]).example
