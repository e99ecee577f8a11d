"""A journal of the records that a gateway's spool accepted.

One JSON line a record. A killed process leaves whole lines behind, because a line is one write;
a record accepted in the instant before the kill may have none, and is then held only to the
values it says (`tests.e2e.ledger.expected_values.expected`).
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from cloud_link.columns import QUALITIES, cells
from cloud_link.records import (
    ClockRecord,
    DataRecord,
    WireError,
    content_hash,
    decode_record,
)
from cloud_link.wire import Lane
from tests.e2e.ledger.expected_values import OFFSET, SamplePoint, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import TypeVar

    from cloud_link.spool.model import Entry
    from cloud_link.spool.spool import Spool
    from cloud_link.spool.writer import SpoolWriter

    T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One accepted record.

    Attributes:
        epochs: In hexadecimal; two where a new one began while the record was being accepted.
        content: `cloud_link.records.content_hash`.
        kind: ``data``, ``event``, ``clock`` or ``poison``.
        readings: The point and the value of each reading.
    """

    epochs: list[str]
    lane: int
    seq: int
    content: int
    kind: str
    readings: list[tuple[SamplePoint, Value]]


class Journal:
    """A spool that writes down what it accepted (`gateway.intake.intake.RecordSink`).

    Args:
        path: The file; appended to.
        writer: The spool itself.
        boot: The first bytes of this boot's id.
    """

    def __init__(self, path: Path, writer: SpoolWriter, boot: bytes) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._writer = writer
        self._boot = boot
        self.accepted = 0

    async def append(self, entries: Iterable[Entry]) -> tuple[int, ...]:
        """Append to the spool, write the journal, and return the numbers."""
        batch = tuple(entries)
        before = await self._writer.call(_epoch)
        numbers = await self._writer.append(batch)
        after = await self._writer.call(_epoch)
        epochs = sorted({before, after})
        lines = [
            self._line(entry, number, epochs) for entry, number in zip(batch, numbers, strict=True)
        ]
        os.write(self._file, "".join(lines).encode())
        self.accepted += len(lines)
        return numbers

    @property
    def generation(self) -> int:
        """The generation of the spool."""
        return self._writer.generation

    def _line(self, entry: Entry, number: int, epochs: list[str]) -> str:
        kind, readings = _decoded(entry)
        line = Line(
            epochs=epochs,
            lane=int(entry.lane),
            seq=number,
            content=content_hash(self._boot, entry.body),
            kind=kind,
            readings=readings,
        )
        return json.dumps(asdict(line)) + "\n"


def _epoch(spool: Spool) -> str:
    return spool.epoch.hex()


def _decoded(entry: Entry) -> tuple[str, list[tuple[SamplePoint, Value]]]:
    try:
        record = decode_record(entry.body)
    except WireError:
        return "poison", []
    if isinstance(record, ClockRecord):
        return "clock", []
    if not isinstance(record, DataRecord):
        return "event", []
    table = entry.table
    assert table is not None
    readings: list[tuple[SamplePoint, Value]] = []
    for cell in cells(table, record):
        column = table.columns[cell.column]
        place = SamplePoint(
            table.device, column.quantity, column.part, column.resolution, cell.at + OFFSET
        )
        assert cell.value is None or isinstance(cell.value, int)
        readings.append((place, (cell.value, QUALITIES.index(cell.quality))))
    return "data", readings


def read(folder: Path) -> Iterator[Line]:
    """All lines of all journals in ``folder``."""
    for path in sorted(folder.glob("journal-*")):
        for text in path.read_text("ascii").splitlines(keepends=True):
            if not text.endswith("\n"):
                continue  # the write that a kill cut short
            fields = json.loads(text)
            fields["readings"] = [
                (SamplePoint(**place), (value, quality))
                for place, (value, quality) in fields["readings"]
            ]
            yield Line(**fields)


def lane_name(lane: int) -> str:
    """The name of a lane, for messages."""
    return Lane(lane).name
