"""What a box announces of itself: its session, its configuration, and what it dropped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import connection

from cloud_link.limits import DEVICE_LENGTH, LABEL_LENGTH, SOFTWARE_LENGTH
from cloud_link.ranges import size
from cloud_link.validation import Flaw, configuration_document, storable_text
from cloud_link.wire import VERSION, Ack, Lane, RejectCode
from console.name import is_name
from portal.fleet.models import Box, RunningConfiguration
from portal.fleet.natural_order import natural_key
from portal.ingest import clocks, epochs, gaps, healing, receipts, renumbering, sql
from portal.ingest.answers import Answer
from portal.ingest.bounds import admitted_devices
from portal.ingest.models import Epoch, Gap, Receipt
from portal.ingest.tables import ensure_devices
from portal.web.moments import nearest_datetime

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloud_link.records import ConfigurationRecord, GapRecord
    from cloud_link.wire import Online
    from portal.ingest.models import BootClock


def apply_session(box: Box, online: Online, now_ms: int) -> list[Answer]:
    """Apply a session's begin or end; answers a spool of which this portal knows more than it.

    A message of an older session (a will that comes late) changes nothing. A restored spool
    counts its sessions from an old number again; it is answered all the same, and its next epoch
    makes it newer than what was.
    """
    disowned = online.alive and healing.disown(box, online)
    beyond = healing.needed_ordinal(box, online)
    if (online.ordinal, online.session) >= (box.epoch_ordinal, box.session):
        box.session, box.alive = online.session, online.alive
        box.boot, box.software = online.boot.hex(), storable_text(online.software, SOFTWARE_LENGTH)
        box.epoch_ordinal = online.ordinal
    if not online.alive:
        return []
    known = box.epochs.filter(epoch=online.epoch).first()
    ahead = known is not None and any(
        gaps.given_out(known, lane) > online.next.get(int(lane), receipts.FIRST_SEQ)
        for lane in Lane
    )
    if known is not None and ahead:
        known.contested = True
        known.save(update_fields=["contested"])
    epochs.announce(box, online, now_ms)
    if beyond is None and not ahead and not disowned:
        return []
    renew = max(beyond or 0, online.ordinal)
    return [Answer(box=box.box_id, ack=Ack(VERSION, online.epoch, Lane.EVENT, renew=renew))]


def apply_configuration(
    box: Box, record: ConfigurationRecord, order: int, clock: BootClock
) -> None:
    """Store a configuration that began to run; the newest one names the devices."""
    document = configuration_document(record)
    newest = RunningConfiguration.objects.filter(gateway=box.gateway_id).newest()
    ahead = newest is None or (newest.speaker, newest.order) < (box.pk, order)
    RunningConfiguration.objects.create(
        gateway_id=box.gateway_id,
        digest=record.digest.hex(),
        author=storable_text(record.author, LABEL_LENGTH),
        document=json.dumps(document, ensure_ascii=False),
        at=nearest_datetime(record.at + clock.offset_ms),
        clock=clock.pk,
        speaker=box.pk,
        order=order,
    )
    if ahead:
        _label(box, document)


def _label(box: Box, document: dict[str, Any]) -> None:
    entries = document.get("devices")
    labels: dict[str, str] = {}
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and is_name(str(entry.get("name", "")), DEVICE_LENGTH):
            labels[str(entry["name"])] = storable_text(str(entry.get("label") or ""), LABEL_LENGTH)
    admitted = admitted_devices(box.gateway_id, labels)
    found = ensure_devices({(box.gateway_id, name) for name in admitted})
    _write_labels([(pk, labels[name], name) for (_, name), pk in found.items()])


def _write_labels(labelled: Iterable[tuple[int, str, str]]) -> None:
    """Set the labels of devices by (id, label, name), in one statement however many they are."""
    rows = sorted((pk, label, natural_key(label or name)) for pk, label, name in labelled)
    if not rows:
        return
    source, parameters = sql.source(("bigint", "text", "text"), rows)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE fleet_device SET label = named.c1, "  # noqa: S608 - the source is ours
            "sort_key = CASE WHEN given_name = '' THEN named.c2 ELSE sort_key END "
            f"FROM (SELECT c0, c1, c2 FROM {source}) AS named "
            "WHERE fleet_device.id = named.c0 AND fleet_device.label <> named.c1",
            parameters,
        )


def gap_flaw(record: GapRecord, ordinal: int) -> Flaw | None:
    """Why a gap record that came in the epoch of this ordinal cannot be stored, if it cannot.

    A spool drops records of its epoch and of earlier ones: nothing can be said of a later one.
    """
    if record.ordinal > ordinal:
        return Flaw(code=RejectCode.MISFIT, detail="a gap of a later epoch than it came in")
    return None


def apply_gap(box: Box, epoch: Epoch, record: GapRecord, carrier: tuple[int, int]) -> None:
    """Store what a box dropped and was not received, dated as far as its clocks are known.

    Where the box cannot tell which numbers it lost, it is all that is not here, and disputed.

    Args:
        box: The box.
        epoch: The epoch whose numbers were dropped.
        record: What the box says.
        carrier: The number that the record came under, as (id of the epoch, seq) in lane ``GAP``.
    """
    if record.reason == renumbering.MOVED:
        renumbering.apply(epoch, record, carrier)
    row = _gap(box, epoch, record, carrier)
    ranges = record.ranges
    if not ranges:
        ranges = tuple(gaps.missing_runs(epoch, record.lane))
        row.records = max(row.records, size(ranges))
        row.carrier_epoch, row.carrier_seq, row.disputed = None, None, bool(ranges)
    if not gaps.claim(row, ranges):
        return
    row.save()
    gaps.believe(epoch)
    row.refresh_from_db()
    announced = Receipt.objects.filter(epoch=carrier[0], lane=Lane.GAP, seq=carrier[1])
    clocks.date_gap(row, announced.values_list("at", flat=True).first())


def repeat_gap(box: Box, epoch: Epoch, record: GapRecord, carrier: tuple[int, int]) -> None:
    """Let a gap record that came before take back what disputed gaps name since."""
    if gaps.disputed_by_others(_gap(box, epoch, record, carrier), record.ranges):
        apply_gap(box, epoch, record, carrier)


def _gap(box: Box, epoch: Epoch, record: GapRecord, carrier: tuple[int, int]) -> Gap:
    return Gap(
        box=box,
        epoch=epoch,
        lane=record.lane,
        ranges=[],
        records=record.records,
        readings=record.readings,
        first_boot=record.first[0],
        first_boot_ms=record.first[1],
        last_boot=record.last[0],
        last_boot_ms=record.last[1],
        reason=record.reason,
        carrier_epoch_id=carrier[0],
        carrier_seq=carrier[1],
    )
