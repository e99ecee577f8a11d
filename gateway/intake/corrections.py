"""What of a device's reports is not sent as it was read: counted, and a condition of the device.

A gateway sends less rather than nothing: of a report that a portal would refuse, it replaces or
leaves out the part at fault. Nothing of that happens unseen::

    readings whose name or resolution is refused    left out; condition data.not_sent, one entry of
                                                    evidence each
    readings of what another one tells already      likewise; the first is sent
    values that are refused                         replaced or shortened; counted
    records that are refused all the same           announced as lost by a gap of reason "invalid";
                                                    condition data.not_sent, counted

Source: docs/adr/0031-one-validator-at-the-wire.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from cloud_link import limits
from cloud_link.records import Column, Table
from cloud_link.validation import column_flaw, repeated_columns
from cloud_link.wire import RejectCode
from console.templates import condition, evidence
from drivers.report import Code, Condition, Evidence, EvidenceKind, Reading, Report, Severity

KEPT_MS: Final = 86_400_000
"""How long the condition stands after the last reading or record that was not sent."""
COLUMNS_KEPT: Final = limits.COLUMNS_LIMIT
"""Refused readings that are remembered of one device, so that no device fills the memory."""
_SHOWN: Final = 100
"""Characters of a refused name that are shown."""


class UnsendableColumnsError(Exception):
    """Readings have columns that a portal refuses; their `Corrections` now know them."""


@dataclass(slots=True)
class _Unsendable:
    """A reading that is left out: why, and when it came last, milliseconds since boot."""

    evidence: Evidence
    last_at: int


class Corrections:
    """What of one device's reports was not sent as it was read, since the daemon began.

    Attributes:
        replaced: Values that were replaced, shortened or left out of a record.
        refused: Records that were refused as a whole, and announced as lost.
    """

    def __init__(self) -> None:
        self.replaced = 0
        self.refused = 0
        self._columns: dict[tuple[Column, bool], _Unsendable] = {}
        self._refused_at: int | None = None
        self._since: int | None = None

    def to_json(self) -> dict[str, int]:
        """What is not sent as it was read, as JSON values."""
        return {"left_out": self.left_out, "replaced": self.replaced, "refused": self.refused}

    @property
    def left_out(self) -> int:
        """How many of the device's readings are not sent."""
        return len(self._columns)

    def sendable(self, readings: Sequence[Reading], at: int) -> Sequence[Reading]:
        """Those of the readings that a portal accepts, as far as that is known."""
        if not self._columns:
            return readings
        found = []
        seen: set[tuple[str, str]] = set()
        for reading in readings:
            column = column_of(reading)
            key = (column.quantity, column.part)
            known = self._columns.get((column, False))
            if known is None and key in seen:
                known = self._columns.get((column, True))
            if known is None:
                found.append(reading)
                seen.add(key)
            else:
                known.last_at = at
        return found

    def check(self, table: Table, at: int) -> None:
        """Remember the columns of a table that a portal refuses.

        Raises:
            UnsendableColumnsError: There are such; without them the table can be sent.
        """
        refused = {
            (column, False): _evidence(column, named=flaw.code == RejectCode.NAME)
            for column in table.columns
            if (flaw := column_flaw(column))
        } or {(column, True): _repetition(column) for column in repeated_columns(table)}
        if not refused:
            return
        self._begin(at)
        self._columns |= {key: _Unsendable(shown, at) for key, shown in refused.items()}
        for key in list(self._columns)[: -max(COLUMNS_KEPT, len(refused))]:
            del self._columns[key]
        raise UnsendableColumnsError

    def refuse(self, records: int, at: int) -> None:
        """Count records that were refused as a whole."""
        self._begin(at)
        self.refused += records
        self._refused_at = at

    def mark(self, report: Report) -> Report:
        """The report with the condition that says what of it is not sent, if there is anything."""
        if self._since is None or not self._stands(report.at):
            return report
        return replace(report, conditions=(*report.conditions, self._condition()))

    def _condition(self) -> Condition:
        found = tuple(known.evidence for known in self._columns.values())
        if self._refused_at is not None:
            meaning = evidence.RECORDS_REFUSED()
            value = str(self.refused)
            found = (Evidence(kind=EvidenceKind.GATEWAY, value=value, meaning=meaning), *found)
        return Condition(
            code=Code.DATA_NOT_SENT,
            severity=Severity.WARNING,
            message=condition.DATA_NOT_SENT(),
            evidence=found,
            since=self._since,
        )

    def _begin(self, at: int) -> None:
        if self._since is None:
            self._since = at

    def _stands(self, now: int) -> bool:
        """Forget what did not come again for `KEPT_MS`; returns whether anything is left."""
        for key, known in list(self._columns.items()):
            if now - known.last_at >= KEPT_MS:
                del self._columns[key]
        if self._refused_at is not None and now - self._refused_at >= KEPT_MS:
            self._refused_at = None
        if not self._columns and self._refused_at is None:
            self._since = None
        return self._since is not None


def column_of(reading: Reading) -> Column:
    """The column that a reading travels in."""
    return Column(reading.quantity.value, reading.part, reading.resolution)


def _evidence(column: Column, *, named: bool) -> Evidence:
    """Why a reading is not sent; whatever is in its name is shown in ASCII."""
    if named:
        meaning = evidence.NAME_REFUSED()
    else:
        first, last = limits.RESOLUTIONS[0], limits.RESOLUTIONS[-1]
        meaning = evidence.RESOLUTION_REFUSED(first=first, last=last)
    return Evidence(
        kind=EvidenceKind.GATEWAY,
        label=_label(column),
        value="" if named else str(column.resolution),
        meaning=meaning,
    )


def _repetition(column: Column) -> Evidence:
    """That a reading is not sent because another one has told the same."""
    meaning = evidence.READING_REPEATED()
    return Evidence(kind=EvidenceKind.GATEWAY, label=_label(column), meaning=meaning)


def _label(column: Column) -> str:
    return f"{column.quantity} {column.part!a:.{_SHOWN}}" if column.part else column.quantity
