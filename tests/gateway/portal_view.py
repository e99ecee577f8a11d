"""What a portal makes of all that a gateway's spool holds."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from django.test import Client
from django.urls import reverse

from cloud_link import topics
from cloud_link.columns import cells
from cloud_link.records import DataRecord, decode_record, table_id
from cloud_link.spool.model import SpoolLimits
from cloud_link.spool.spool import Spool
from cloud_link.topics import Up
from cloud_link.wire import VERSION, Batch, Lane, Tables, encode
from portal.accounts.models import Role, User
from portal.ingest.messages import IncomingMessage
from portal.ingest.models import Sample, TextSample
from portal.ingest.store import ingest
from tests.portal.ingest.sender import new_box
from tests.portal.monitoring.page_text import page_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud_link.records import Record
    from cloud_link.spool.model import SpoolRecord
    from portal.fleet.models import Box as PortalBox
    from tests.gateway.box import Box

_AT_ONCE = 50


def everything(_: Record) -> bool:
    """Every record is delivered."""
    return True


def deliver(box: Box, wanted: Callable[[Record], bool] = everything) -> PortalBox:
    """A portal's new box, once it has the wanted records of the spool; no daemon runs."""
    known = new_box()
    spool = Spool.open(box.state / "spool", boot=bytes(8), limits=SpoolLimits())
    try:
        for lane in (Lane.EVENT, Lane.BOUNDARY, Lane.DATA):
            pending = list(spool.pending(lane, after=0, limit_bytes=100_000_000))
            tables = spool.tables({one.table for one in pending if one.table})
            for table in tables:
                _ingest(known, Up.TABLE, encode(Tables(VERSION, (table,))))
            chosen = [one for one in pending if wanted(decode_record(one.body))]
            for (epoch, ordinal, boot), records in groupby(chosen, key=_origin):
                numbered = [(one.seq, one.body) for one in records]
                for start in range(0, len(numbered), _AT_ONCE):
                    part = tuple(numbered[start : start + _AT_ONCE])
                    batch = Batch(VERSION, epoch, ordinal, lane, boot, part)
                    channel = Up.EVENT if lane is Lane.EVENT else Up.DATA
                    _ingest(known, channel, encode(batch))
    finally:
        spool.close()
    return known


Moment = tuple[str, str, str, int]
"""(device, quantity, part, time) of a reading."""


def spooled_readings(box: Box) -> Counter[Moment]:
    """The readings of a spool; their times are in milliseconds since boot."""
    spool = Spool.open(box.state / "spool", boot=bytes(8), limits=SpoolLimits())
    found: Counter[Moment] = Counter()
    try:
        for lane in (Lane.BOUNDARY, Lane.DATA):
            pending = list(spool.pending(lane, after=0, limit_bytes=100_000_000))
            tables = {
                table_id(table): table
                for table in spool.tables({one.table for one in pending if one.table})
            }
            for one in pending:
                record = decode_record(one.body)
                if isinstance(record, DataRecord):
                    table = tables[record.table]
                    for cell in cells(table, record):
                        column = table.columns[cell.column]
                        found[table.device, column.quantity, column.part, cell.at] += 1
    finally:
        spool.close()
    return found


def stored_readings(box: PortalBox) -> Counter[Moment]:
    """The readings of a box as the portal has them; their times are in Unix milliseconds."""
    found: Counter[Moment] = Counter()
    for table in (Sample, TextSample):
        rows = table._default_manager.filter(series__device__gateway=box.gateway_id)
        found.update(
            rows.values_list("series__device__name", "series__quantity", "series__part", "at")
        )
    return found


def portal_page(box: PortalBox, name: str) -> str:
    """The words of a page about a box's gateway, for an administrator of its organization."""
    site = box.gateway.site
    user, _ = User.objects.get_or_create(email="reader@example.com")
    user.memberships.get_or_create(organization=site.organization, role=Role.ADMINISTRATOR)
    client = Client()
    client.force_login(user)
    return page_text(client, reverse(name, args=[site.pk if "site" in name else box.gateway_id]))


def _origin(record: SpoolRecord) -> tuple[bytes, int, bytes]:
    return record.epoch, record.ordinal, record.boot


def _ingest(box: PortalBox, channel: Up, body: bytes) -> None:
    outcome = ingest([IncomingMessage(topic=topics.up(box.box_id, channel), body=body)])
    assert not outcome.unusable
    assert not any(answer.ack.rejected for answer in outcome.answers), outcome.answers
