"""When latest values and waiting records were received; all that waits is counted by device."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec
from django.db import migrations, models

from cloud_link.limits import EARLIEST_MS
from cloud_link.records import DataRecord, EventRecord, Table, WireError, decode_record

_AT_ONCE = 500


@dataclass(slots=True)
class _Waiting:
    """What waits of one boot; moments in milliseconds since it began."""

    ordinal: int = -1
    records: int = 0
    readings: int = 0
    first: int = 1 << 62
    last: int = -1
    devices: Counter[int] = field(default_factory=Counter)


def count_waiting(apps: Any, _schema_editor: object) -> None:
    """Count every waiting record by boot and device, those of earlier portals too."""
    model = apps.get_model("ingest", "PendingClock")
    waiting: dict[tuple[int, bytes], _Waiting] = {}
    tables = _Tables(apps)
    after = 0
    while True:
        rows = list(
            model.objects.filter(pk__gt=after).select_related("epoch__box").order_by("pk")[:_AT_ONCE]
        )
        if not rows:
            break
        after = rows[-1].pk
        for row in rows:
            _count(row, waiting.setdefault((row.epoch.box_id, bytes(row.boot)), _Waiting()), tables)
        model.objects.bulk_update(rows, ["device_id", "readings"])
    for (box, boot), found in waiting.items():
        _save(apps, box, boot, found)


def _count(row: Any, found: _Waiting, tables: _Tables) -> None:
    found.ordinal = max(found.ordinal, row.epoch.ordinal)
    try:
        record = decode_record(bytes(row.raw))
    except WireError:
        record = None
    if isinstance(record, DataRecord):
        row.readings = len(record.values)
        row.device_id = row.device_id or tables.device(row.epoch.box, record.table)
        latest = max((delta for _, delta in record.time_runs), default=0)
        moments = [record.at, record.at + latest]
    else:
        moments = [record.at] if isinstance(record, EventRecord) else []
    found.records += 1
    found.readings += row.readings
    if row.device_id is not None:
        found.devices[row.device_id] += row.readings
    limit = _now_ms() - EARLIEST_MS  # no boot has lasted for longer
    moments = [at for at in moments if 0 <= at <= limit]
    found.first, found.last = min([found.first, *moments]), max([found.last, *moments])


def _save(apps: Any, box: int, boot: bytes, found: _Waiting) -> None:
    now_ms = _now_ms()
    last = max(found.last, 0)
    row, _ = apps.get_model("ingest", "UndatedBoot").objects.get_or_create(
        box_id=box,
        boot=boot,
        defaults={
            "ordinal": found.ordinal,
            "first_ms": min(found.first, last),
            "last_ms": last,
            "receipt_offset_ms": now_ms - last,
            "heard_ms": now_ms,
        },
    )
    row.records, row.readings, row.settled = found.records, found.readings, False
    row.save(update_fields=["records", "readings", "settled"])
    devices = apps.get_model("ingest", "UndatedDevice").objects
    devices.filter(boot=row).delete()
    devices.bulk_create(
        devices.model(boot=row, device_id=device, readings=readings)
        for device, readings in sorted(found.devices.items())
        if readings
    )


class _Tables:
    """The devices of tables; one that is not known yet is made."""

    def __init__(self, apps: Any) -> None:
        self._tables = apps.get_model("ingest", "WireTable").objects
        self._devices = apps.get_model("fleet", "Device").objects
        self._known: dict[tuple[int, bytes], int | None] = {}

    def device(self, box: Any, table: bytes) -> int | None:
        """The id of the device that a table of a box is about; ``None`` without the table."""
        key = (box.pk, table)
        if key not in self._known:
            row = self._tables.filter(box_id=box.pk, table_id=table).first()
            self._known[key] = None
            if row is not None:
                name = msgspec.msgpack.decode(bytes(row.document), type=Table).device
                found, _ = self._devices.get_or_create(gateway_id=box.gateway_id, name=name)
                self._known[key] = found.pk
        return self._known[key]


def _now_ms() -> int:
    return round(time.time() * 1000)


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("fleet", "0007_device_last_heard_at"),
        ("ingest", "0014_renumberings"),
    ]

    operations: ClassVar = [
        migrations.AddField(
            model_name="latest",
            name="received_ms",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="pendingclock",
            name="received_ms",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.RunPython(count_waiting, migrations.RunPython.noop),
    ]
