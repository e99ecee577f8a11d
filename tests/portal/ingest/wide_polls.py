"""Messages with many rows: polls of a meter of 400 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud_link.records import Column, DataRecord, Table, encode_record, table_id
from cloud_link.wire import Lane

if TYPE_CHECKING:
    from portal.ingest.messages import IncomingMessage
    from tests.portal.ingest.sender import Sender


WIDE = Table("wide", tuple(Column("jobs", f"tariff={n}", 0) for n in range(400)))


def polls(sender: Sender, count: int, width: int = 400) -> IncomingMessage:
    """A message of so many polls of a wide meter."""
    items = [
        (
            sender.number(Lane.DATA),
            encode_record(DataRecord(table_id(WIDE), 1_000 * n, [7] * width)),
        )
        for n in range(count)
    ]
    return sender.batch(Lane.DATA, items)
