"""The tables of the Printer MIB that are read, and rows out of what a walk of one brought. Pure.

A variable of a table is ``<entry>.<column>.<index>``; in the Printer MIB the first number of the
index is the device's in hrDeviceTable.

Sources: RFC 1213 (interfaces), RFC 2790 (host resources), RFC 3805 (printer).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from console.text import NO_MESSAGE, Message
from drivers.report import Evidence, EvidenceKind
from protocols.snmp.model import Value

Index = tuple[int, ...]

DEVICE_STATUS: Final = "1.3.6.1.2.1.25.3.2.1.5"
DETECTED_ERRORS: Final = "1.3.6.1.2.1.25.3.5.1.2"
"""Columns of the host resources; the device's index follows."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the MIB.

    Attributes:
        name: The standard's name, for people.
        entry: The object identifier of its entry, which column and index follow.
        columns: The columns that are read.
        labels: The standard's names of the columns that conditions are based on.
    """

    name: str
    entry: str
    columns: tuple[int, ...]
    labels: Mapping[int, str] = field(default_factory=dict, compare=False)

    def evidence(
        self, index: Index, column: int, value: object, meaning: Message = NO_MESSAGE
    ) -> Evidence:
        """The value in one cell of the table, as evidence."""
        return Evidence(
            kind=EvidenceKind.OID,
            address=f"{self.entry}.{column}.{'.'.join(map(str, index))}",
            label=self.labels[column],
            value=str(value),
            meaning=meaning,
        )


INTERFACES: Final = Table("ifTable", "1.3.6.1.2.1.2.2.1", (3, 6, 8))
COVERS: Final = Table("prtCoverTable", "1.3.6.1.2.1.43.6.1.1", (2, 3), {3: "prtCoverStatus"})
INPUTS: Final = Table(
    "prtInputTable",
    "1.3.6.1.2.1.43.8.2.1",
    (2, 9, 10, 11, 13, 18),
    {9: "prtInputMaxCapacity", 10: "prtInputCurrentLevel", 11: "prtInputStatus"},
)
OUTPUTS: Final = Table(
    "prtOutputTable",
    "1.3.6.1.2.1.43.9.2.1",
    (4, 5, 6, 7, 12),
    {4: "prtOutputMaxCapacity", 5: "prtOutputRemainingCapacity"},
)
MARKERS: Final = Table(
    "prtMarkerTable", "1.3.6.1.2.1.43.10.2.1", (3, 4, 6, 7, 15), {15: "prtMarkerStatus"}
)
SUPPLIES: Final = Table(
    "prtMarkerSuppliesTable",
    "1.3.6.1.2.1.43.11.1.1",
    (3, 4, 5, 6, 7, 8, 9),
    {8: "prtMarkerSuppliesMaxCapacity", 9: "prtMarkerSuppliesLevel"},
)
COLORANTS: Final = Table("prtMarkerColorantTable", "1.3.6.1.2.1.43.12.1.1", (4,))
ALERTS: Final = Table(
    "prtAlertTable",
    "1.3.6.1.2.1.43.18.1.1",
    (2, 3, 4, 5, 6, 7, 8, 9),
    {
        2: "prtAlertSeverityLevel",
        3: "prtAlertTrainingLevel",
        4: "prtAlertGroup",
        5: "prtAlertGroupIndex",
        6: "prtAlertLocation",
        7: "prtAlertCode",
        8: "prtAlertDescription",
    },
)


class Row(dict[int, Value]):
    """The values of one row by column; one of another type than expected counts as missing."""

    def whole(self, column: int) -> int | None:
        """The number in ``column``, or ``None``."""
        value = self.get(column)
        return value if isinstance(value, int) else None

    def octets(self, column: int) -> bytes:
        """The octets in ``column``; empty where there are none."""
        value = self.get(column)
        return value if isinstance(value, bytes) else b""


def rows(found: Mapping[str, Value], entry: str) -> dict[Index, Row]:
    """The rows of a table by index, in the order of their first columns.

    Args:
        found: What a walk of it brought; what is no variable of the table is left out.
        entry: The table's entry.
    """
    table: dict[Index, Row] = {}
    for oid, value in found.items():
        if not oid.startswith(entry + "."):
            continue
        column, _, rest = oid[len(entry) + 1 :].partition(".")
        if rest:
            index = tuple(map(int, rest.split(".")))
            table.setdefault(index, Row())[int(column)] = value
    return table


def rows_of(found: Mapping[str, Value], table: Table, device: int) -> dict[Index, Row]:
    """The rows of one device by index; all rows where none has the device's index.

    Args:
        found: What a walk of the table brought.
        table: The table.
        device: The device's index in hrDeviceTable.
    """
    whole = rows(found, table.entry)
    own = {index: row for index, row in whole.items() if index[0] == device}
    return own or whole
