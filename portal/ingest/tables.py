"""Tables: what the integers of data records mean, and which series their columns are.

Source: design section 5; `cloud_link.records.Table`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec
from django.db import transaction

from cloud_link.records import Column, Table
from cloud_link.validation import table_flaw
from drivers.report import Kind, PartError, Quantity, check_part
from portal.fleet.models import Box, Device
from portal.ingest.bounds import TableBounds
from portal.ingest.models import RefusedTable, Series, WireTable
from portal.ingest.vocabulary import fingerprint
from portal.logs import event_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

log = event_log(__name__)

_KEYS_PER_QUERY: Final = 500
"""Databases limit the values of one query, SQLite to 32,766."""

_DOCUMENTS: Final = 200
"""Tables whose columns are kept in memory: one of 500 columns takes 0.1 MB."""
TEXTS: Final = frozenset(one.value for one in Quantity if one.kind is Kind.TEXT)
"""The quantities whose values are words."""

REFUSED_MOST: Final = 1_000
"""Refused tables that are kept of a box; the box is asked again for those refused before."""

TableKey = tuple[int, bytes]
"""(id of the box, `cloud_link.records.table_id`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A table with the series that its columns are stored in.

    Attributes:
        series: For each column its series' id; ``None`` where this portal's vocabulary lacks it.
        texts: The indexes of the columns that hold text.
        plain: Whether every column is a number with a series, so that whole records are checked
            at once.
    """

    table: Table
    series: tuple[int | None, ...]
    texts: frozenset[int]
    plain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTable:
    """A table that a box sent, by its `cloud_link.records.table_id`."""

    box: Box
    table_id: bytes
    table: Table


def new_tables(sent: Iterable[SentTable]) -> list[SentTable]:
    """Those tables that are neither stored nor were refused, in one order everywhere."""
    ordered = sorted(sent, key=lambda one: (one.box.pk, one.table_id))
    existing = _existing({(one.box.pk, one.table_id) for one in ordered})
    fresh = [one for one in ordered if (one.box.pk, one.table_id) not in existing]
    refused = refused_tables({(one.box.pk, one.table_id) for one in fresh})
    return [one for one in fresh if (one.box.pk, one.table_id) not in refused]


def sound_tables(fresh: Iterable[SentTable]) -> list[SentTable]:
    """Those of new tables that have no flaw; the others are refused, and what needs them."""
    sound, bounds = [], TableBounds()
    for one in fresh:
        flaw = table_flaw(one.table) or bounds.flaw(one.box, one.table)
        if flaw is None:
            sound.append(one)
        else:
            refuse_table(one, flaw.detail)
    return sound


def store_tables(tables: Sequence[SentTable]) -> None:
    """Store new tables without flaw, with their devices and series.

    A column that this portal's vocabulary lacks is stored without a series.
    """
    WireTable.objects.bulk_create(
        [
            WireTable(
                box=one.box,
                table_id=one.table_id,
                document=msgspec.msgpack.encode(one.table),
                series=series,
                understood_by=fingerprint(),
            )
            for one, series in zip(tables, _assign_series(tables), strict=True)
        ],
        ignore_conflicts=True,
    )


def refuse_table(one: SentTable, detail: str) -> None:
    """Keep a table that could not be stored, with the reason."""
    transaction.on_commit(
        lambda: log.error(
            "table_refused", box=one.box.box_id, table=one.table_id.hex(), error=detail
        )
    )
    _, created = RefusedTable.objects.update_or_create(
        box=one.box,
        table_id=one.table_id,
        defaults={"document": msgspec.msgpack.encode(one.table), "detail": detail},
    )
    if created:
        oldest = RefusedTable.objects.filter(box=one.box).order_by("-pk")[REFUSED_MOST:]
        RefusedTable.objects.filter(pk__in=list(oldest.values_list("pk", flat=True))).delete()


def refused_tables(keys: set[TableKey]) -> dict[TableKey, str]:
    """Those of the tables that were refused, with the reason."""
    found: dict[TableKey, str] = {}
    ordered = sorted(keys)
    for start in range(0, len(ordered), _KEYS_PER_QUERY):
        part = ordered[start : start + _KEYS_PER_QUERY]
        rows = RefusedTable.objects.filter(
            box__in={box for box, _ in part}, table_id__in={table for _, table in part}
        ).values_list("box_id", "table_id", "detail")
        found |= {(box, bytes(table)): detail for box, table, detail in rows}
    return {key: found[key] for key in keys & found.keys()}


def retry_refused_table(box: Box, table_id: bytes) -> None:
    """Store a table that was refused, if it was; raises what the database does."""
    for row in RefusedTable.objects.filter(box=box, table_id=table_id):
        table = msgspec.msgpack.decode(bytes(row.document), type=Table)
        if table_flaw(table) is None:
            store_tables([SentTable(box=box, table_id=table_id, table=table)])
            row.delete()


def _assign_series(tables: Sequence[SentTable]) -> list[list[int | None]]:
    """The series of the columns of each table; devices and series that are new are made."""
    devices = ensure_devices({(one.box.gateway_id, one.table.device) for one in tables})
    columns = {
        (devices[one.box.gateway_id, one.table.device], column)
        for one in tables
        for column in one.table.columns
        if _has_meaning(column)
    }
    series = _ensure_series(columns)
    return [
        _ids(one.table, devices[one.box.gateway_id, one.table.device], series) for one in tables
    ]


def _ids(table: Table, device: int, series: Mapping[tuple[int, Column], int]) -> list[int | None]:
    """For each column its series; a column that comes twice has one the first time only."""
    seen: set[int] = set()
    ids: list[int | None] = []
    for column in table.columns:
        found = series.get((device, column))
        ids.append(None if found in seen else found)
        if found is not None:
            seen.add(found)
    return ids


def _has_meaning(column: Column) -> bool:
    try:
        check_part(Quantity(column.quantity), column.part)
    except (ValueError, PartError):
        return False
    return True


def ensure_devices(names: set[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """The ids of devices by (gateway id, name); devices that are new are made."""
    gateways = {gateway for gateway, _ in names}

    def find() -> dict[tuple[int, str], int]:
        rows = Device.objects.filter(
            gateway__in=gateways, name__in={name for _, name in names}
        ).values_list("gateway_id", "name", "pk")
        return {(gateway, name): pk for gateway, name, pk in rows}

    found = find()
    missing = sorted(names - found.keys())
    if missing:
        Device.objects.bulk_create(
            [Device(gateway_id=gateway, name=name) for gateway, name in missing],
            ignore_conflicts=True,
        )
        found = find()
    return {key: pk for key, pk in found.items() if key in names}


def _ensure_series(columns: set[tuple[int, Column]]) -> dict[tuple[int, Column], int]:
    devices = {device for device, _ in columns}

    def find() -> dict[tuple[int, Column], int]:
        rows = Series.objects.filter(device__in=devices).values_list(
            "device_id", "quantity", "part", "resolution", "pk"
        )
        return {(row[0], Column(row[1], row[2], row[3])): row[4] for row in rows}

    found = find()
    missing = sorted(columns - found.keys(), key=_column_order)
    if missing:
        Series.objects.bulk_create(
            [
                Series(
                    device_id=device,
                    quantity=column.quantity,
                    part=column.part,
                    resolution=column.resolution,
                )
                for device, column in missing
            ],
            ignore_conflicts=True,
        )
        found = find()
    return found


def _column_order(one: tuple[int, Column]) -> tuple[int, str, str, int]:
    device, column = one
    return (device, column.quantity, column.part, column.resolution)


_Stored = tuple[int, bytes, bytes, list[int | None], str]
"""(id of the box, id of the table, its document, series, `WireTable.understood_by`)."""


def _rows(keys: set[TableKey]) -> list[_Stored]:
    ordered = sorted(keys)
    found: list[_Stored] = []
    for start in range(0, len(ordered), _KEYS_PER_QUERY):
        part = ordered[start : start + _KEYS_PER_QUERY]
        rows = WireTable.objects.filter(
            box__in={box for box, _ in part}, table_id__in={table for _, table in part}
        ).values_list("box_id", "table_id", "document", "series", "understood_by")
        found += [(row[0], bytes(row[1]), bytes(row[2]), row[3], row[4]) for row in rows]
    return found


def _existing(keys: set[TableKey]) -> set[TableKey]:
    return {(row[0], row[1]) for row in _rows(keys)} if keys else set()


def load_layouts(keys: set[TableKey]) -> dict[TableKey, Layout]:
    """The layouts of those of the tables that are stored here.

    Where a portal with another vocabulary left columns without a series, they get one now if they
    can.
    """
    if not keys:
        return {}
    found: dict[TableKey, Layout] = {}
    for box, table_id, document, series, understood_by in _rows(keys):
        table, _ = _understood(document)
        if None in series and understood_by != fingerprint():
            series = _assign_again((box, table_id), table)
        found[box, table_id] = _layout(document, series)
    return found


def _assign_again(key: TableKey, table: Table) -> list[int | None]:
    """Assign the series of a stored table again."""
    row = WireTable.objects.select_related("box").get(box=key[0], table_id=key[1])
    one = SentTable(box=row.box, table_id=key[1], table=table)
    series = _assign_series([one])[0]
    row.series, row.understood_by = series, fingerprint()
    row.save(update_fields=["series", "understood_by"])
    return series


@lru_cache(maxsize=_DOCUMENTS)
def _understood(document: bytes) -> tuple[Table, frozenset[int]]:
    """A stored table, and the indexes of its columns that hold text, if they have a series.

    A box that sends much sends it in many messages of the same few tables.
    """
    table = msgspec.msgpack.decode(document, type=Table)
    return table, frozenset(
        index for index, column in enumerate(table.columns) if column.quantity in TEXTS
    )


def _layout(document: bytes, series: Sequence[int | None]) -> Layout:
    table, of_text = _understood(document)
    texts = frozenset(index for index in of_text if series[index] is not None)
    return Layout(
        table=table, series=tuple(series), texts=texts, plain=not texts and None not in series
    )
