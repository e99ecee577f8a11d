"""Encoded tables, so that the same table is not encoded and hashed for every record."""

from __future__ import annotations

from typing import Final

from cloud_link.records import Table, encode_table, table_id


class TableCache:
    """Encoded tables by identity, so that the same table is not hashed for every record."""

    LIMIT: Final = 1024

    def __init__(self) -> None:
        self._known: dict[int, tuple[Table, bytes, bytes]] = {}

    def encoded(self, table: Table) -> tuple[bytes, bytes]:
        """The id of ``table`` and its encoding."""
        found = self._known.get(id(table))
        if found is None:
            if len(self._known) >= self.LIMIT:
                self._known.clear()
            # Holding the table itself keeps its identity from being given to another.
            found = self._known[id(table)] = (table, table_id(table), encode_table(table))
        return found[1], found[2]
