"""The sets of columns in which a device's readings come, and what was last sent of each. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cloud_link.columns import table_for
from cloud_link.records import Column, Table, table_id
from drivers.report import Kind, Quality, Reading, Report
from gateway.intake.corrections import Corrections
from gateway.intake.midnight import Side

LAYOUTS_LIMIT: Final = 64
"""Sets of columns remembered of one device; a device has one per combination of poll groups."""

Mark = int | str | tuple[Quality] | None
"""What values are compared by: a missing one by its reason, unlike any number or text."""


@dataclass(slots=True, kw_only=True)
class Layout:
    """One set of columns, in the order they are read, and what was last sent of each."""

    quantities: list[object]
    parts: list[str]
    resolutions: list[int]
    table: Table
    id: bytes
    counters: list[bool]
    slots: list[int]
    run: slice | None
    full_at: int | None = None
    side: Side = Side.FAR
    day: int | None = None


class SentState:
    """What was last sent of one device.

    Args:
        device: Its name.
        corrections: Knows the readings that a portal refuses.
    """

    def __init__(self, device: str, corrections: Corrections) -> None:
        self._device = device
        self._corrections = corrections
        self._slots: dict[Column, int] = {}
        self.layouts: list[Layout] = []
        self.marks: list[Mark] = []
        self.event: Report | None = None

    def layout(self, readings: Sequence[Reading]) -> Layout:
        """Return the layout of these readings, known or new; the last used one comes first.

        Raises:
            UnsendableColumnsError: Some of them cannot be sent (`Corrections.sendable`).
        """
        quantities: list[object] = [r.quantity for r in readings]
        parts = [r.part for r in readings]
        resolutions = [r.resolution for r in readings]
        for index, known in enumerate(self.layouts):
            if (
                known.quantities == quantities
                and known.parts == parts
                and known.resolutions == resolutions
            ):
                if index:
                    self.layouts.insert(0, self.layouts.pop(index))
                return known
        return self._learn(readings, quantities, parts, resolutions)

    def _learn(
        self,
        readings: Sequence[Reading],
        quantities: list[object],
        parts: list[str],
        resolutions: list[int],
    ) -> Layout:
        table = table_for(self._device, readings)
        self._corrections.check(table, readings[0].at)
        slots = []
        for column in table.columns:
            slots.append(self._slots.setdefault(column, len(self.marks)))
            if slots[-1] == len(self.marks):
                self.marks.append(None)
        layout = Layout(
            quantities=quantities,
            parts=parts,
            resolutions=resolutions,
            table=table,
            id=table_id(table),
            counters=[r.quantity.kind is Kind.COUNTER for r in readings],
            slots=slots,
            run=_run(slots),
        )
        self.layouts.insert(0, layout)
        del self.layouts[LAYOUTS_LIMIT:]
        return layout


def _run(slots: list[int]) -> slice | None:
    """Return the slots as a slice, when they follow each other: it is copied and set in one go."""
    run = range(slots[0], slots[0] + len(slots))
    return slice(run.start, run.stop) if slots == list(run) else None
