"""Whatever bytes a box sends: refused with a code, or stored, shown, logged and acknowledged.

The values are exchanged in plain MessagePack, so that nothing of ours keeps a test from sending
what an attacker can.
"""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cloud_link import topics
from cloud_link.records import encode_record
from cloud_link.topics import Up
from cloud_link.wire import Lane, RejectCode
from portal.accounts.models import Membership, Role, User
from portal.cli.quarantine import quarantine
from portal.fleet.models import Box, Device
from portal.ingest.messages import IncomingMessage
from portal.ingest.models import PendingClock, Quarantine
from portal.ingest.store import ingest
from portal.logs import LineFormatter
from tests.portal.ingest import hostile
from tests.portal.ingest.sender import (
    METER,
    Sender,
    acks,
    condition,
    configuration,
    event,
    meter,
    new_box,
)

if TYPE_CHECKING:
    from django.test import Client

    from cloud_link.records import Record

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

CODES: Final = {
    value for name, value in vars(RejectCode).items() if name.isupper() and isinstance(value, str)
}
PAGES: Final = ("/", "/sites/", "/gateways/", "/devices/", "/operation/", "/organizations/")
_CONTROL: Final = re.compile(
    "[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
"""Control characters and marks of direction: raw, they are in no page and no output of ours."""
_settings = settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would walk every page again
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def member(box: Box, client: Client) -> None:
    """Sign in who sees all that this box sends."""
    organization = box.gateway.site.organization
    user, new = User.objects.get_or_create(email=f"o{organization.pk}@example.com")
    if new:
        Membership.objects.create(user=user, organization=organization, role=Role.ADMINISTRATOR)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")


def addresses(box: Box) -> list[str]:
    """The pages that show what a box has sent."""
    gateway = box.gateway
    found = [*PAGES, f"/sites/{gateway.site_id}/", f"/gateways/{gateway.pk}/"]
    for device in gateway.devices.all():
        found += [f"/devices/{device.pk}/", f"/devices/{device.pk}/usage/"]
        found += [
            f"/devices/{device.pk}/chart/{one.pk}/"
            for one in device.series.exclude(quantity="note")
        ]
    return found


def check_pages(box: Box, client: Client) -> None:
    member(box, client)
    for address in addresses(box):
        response = client.get(address)
        assert response.status_code == 200, address
        raw = _CONTROL.search(response.content.decode())
        assert raw is None, (address, raw)


def check_lines(caplog: pytest.LogCaptureFixture) -> None:
    form = LineFormatter()
    for record in caplog.records:
        line = form.format(record)
        assert line.isprintable(), line
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR and one.exc_info]


def honest(box: Box) -> Sender:
    sender = Sender(box.box_id)
    ingest(
        [
            sender.online(),
            sender.tables(METER, hostile.NOTES),
            sender.clock(),
            sender.send(Lane.DATA, meter(10, 1, 2, 3)),
        ]
    )
    return sender


def check_quarantine(box: Box, code: str, raw: bytes) -> None:
    """The record that was refused is kept as it came, and the command shows it."""
    row = Quarantine.objects.get(epoch__box=box)
    assert (row.code, bytes(row.raw)) == (code, raw)
    for form in ((), ("--json",)):
        shown = CliRunner().invoke(quarantine, ["show", str(row.pk), *form])
        assert shown.exit_code == 0, shown.output
        assert _CONTROL.search(shown.output) is None
        assert code in shown.output
        assert raw[:30].hex() in shown.output


def check_outcome(
    sender: Sender, lane: Lane, record: Record, raw: bytes, client: Client
) -> str | None:
    """Send bytes beside an honest record; returns the code that they are refused with, if so."""
    box = Box.objects.get(box_id=sender.box)
    numbers = [sender.number(lane) for _ in range(2)]
    items = zip(numbers, (raw, encode_record(record)), strict=True)
    ack = acks(ingest([sender.batch(lane, items)]), sender, lane)
    stored = {number for first, last in ack.ok for number in range(first, last + 1)}
    refused = dict(ack.rejected)
    lacking = {number for number, _ in ack.need_table}
    assert numbers[1] in stored
    assert (numbers[0] in stored) + (numbers[0] in lacking) + (numbers[0] in refused) == 1
    code = refused.get(numbers[0])
    if code is None:
        check_pages(box, client)
    else:
        assert code in CODES - {RejectCode.REFUSED}, "the database had to refuse it"
        check_quarantine(box, code, raw)
    return code


@_settings
@given(which=st.integers(0, hostile.KINDS - 1), data=st.data())
def test_a_spoiled_record_is_refused_or_stored_shown_and_acknowledged(
    which: int, data: st.DataObject, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    box = new_box()
    sender = honest(box)
    caplog.clear()
    lane, record = hostile.honest_records(sender)[which]
    raw = hostile.packed(hostile.spoil(data, hostile.plain(record)))
    check_outcome(sender, lane, record, raw, client)
    check_lines(caplog)


@_settings
@given(which=st.integers(0, hostile.KINDS - 1), data=st.data())
def test_a_record_in_a_form_that_no_encoder_writes(
    which: int, data: st.DataObject, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    sender = honest(new_box())
    caplog.clear()
    lane, record = hostile.honest_records(sender)[which]
    raw = hostile.mangle(data, hostile.plain(record))
    check_outcome(sender, lane, record, raw, client)
    check_lines(caplog)


@pytest.mark.parametrize("which", range(hostile.KINDS))
def test_the_widest_form_and_appended_fields_are_understood(which: int, client: Client) -> None:
    """Another encoder's, and that of a later version."""
    sender = honest(new_box())
    lane, record = hostile.honest_records(sender)[which]
    plain = hostile.plain(record)
    assert check_outcome(sender, lane, record, hostile.widest(plain), client) is None
    later = hostile.packed([*plain, *hostile.defaults(record, len(plain)), "of a later version"])
    assert check_outcome(sender, lane, record, later, client) is None


@_settings
@given(data=st.data())
def test_a_spoiled_configuration_is_refused_or_stored_and_shown(
    data: st.DataObject, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    box = new_box()
    sender = honest(box)
    caplog.clear()
    document = json.dumps(hostile.spoil(data, hostile.CONFIGURATION), default=str, skipkeys=True)
    record = configuration(1500, json.loads(document))
    outcome = ingest([sender.send(Lane.EVENT, record, event(1600))])
    ack = acks(outcome, sender, Lane.EVENT)
    assert {code for _, code in ack.rejected} <= {RejectCode.MISFIT}
    assert Device.objects.get(gateway=box.gateway, name="meter").reported_at is not None
    check_pages(box, client)
    check_lines(caplog)


@_settings
@given(data=st.data())
def test_a_spoiled_table_is_refused_with_what_names_it_or_stored_and_shown(
    data: st.DataObject, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    box = new_box()
    sender = honest(box)
    caplog.clear()
    body = hostile.spoil(data, hostile.plain_message(sender.tables(METER, hostile.NOTES)))
    ingest(
        [
            IncomingMessage(topic=topics.up(box.box_id, Up.TABLE), body=hostile.packed(body)),
            sender.send(Lane.DATA, meter(3000, 4, 5, 6)),
        ]
    )
    assert not Quarantine.objects.filter(epoch__box=box).exists()
    check_pages(box, client)
    check_lines(caplog)


@_settings
@given(kind=st.sampled_from(["online", "data", "event"]), data=st.data())
def test_a_spoiled_envelope_is_counted_or_answered(
    kind: str, data: st.DataObject, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    box = new_box()
    sender = honest(box)
    caplog.clear()
    message = {
        "online": lambda: sender.online(2, offset=0),
        "data": lambda: sender.send(Lane.DATA, meter(3000, 4, 5, 6)),
        "event": lambda: sender.send(Lane.EVENT, event(5, condition("media.jam", "error"))),
    }[kind]()
    body = hostile.packed(hostile.spoil(data, hostile.plain_message(message)))
    outcome = ingest([IncomingMessage(topic=message.topic, body=body)])
    assert outcome.answers or outcome.unusable or kind == "online" or not body
    check_pages(box, client)
    check_lines(caplog)


@_settings
@given(data=st.data())
def test_what_waited_for_a_clock_is_refused_or_stored_once_it_comes(
    data: st.DataObject, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    box = new_box()
    sender = Sender(box.box_id)
    ingest([sender.tables(METER, hostile.NOTES)])
    caplog.clear()
    for lane, record in hostile.honest_records(sender)[:5]:
        raw: Any = hostile.packed(hostile.spoil(data, hostile.plain(record)))
        ingest([sender.batch(lane, [(sender.number(lane), raw)])])
    offset = data.draw(st.sampled_from([1_600_000_000_000, 1_780_000_000_000, 4_102_444_799_999]))
    ingest([sender.clock(offset)])
    ingest([sender.clock(offset - 5000)])
    assert not PendingClock.objects.filter(epoch__box=box).exists()
    found = set(Quarantine.objects.filter(epoch__box=box).values_list("code", flat=True))
    assert found <= CODES - {RejectCode.REFUSED}
    check_pages(box, client)
    check_lines(caplog)
