"""Events: whole states, each aspect from the newest that speaks of it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloud_link.records import (
    ConfigurationRecord,
    EventRecord,
    WireIdentity,
    WireSupply,
)
from cloud_link.wire import Lane, RejectCode
from portal.fleet.actions import assign_box
from portal.fleet.models import Box, Device, DeviceCondition, RunningConfiguration
from portal.ingest.events import apply_event
from portal.ingest.models import BootClock
from portal.ingest.store import ingest
from portal.web.moments import nearest_datetime as moment
from tests.portal.ingest.sender import (
    OFFSET,
    Sender,
    acks,
    condition,
    configuration,
    event,
)

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

JAM = condition("media.jam", "error", "tray 2", since=900)
LOW = condition("supply.low", "warning", "black")
SILENT = condition("comm.timeout", "error")


@pytest.fixture
def timed(sender: Sender) -> Sender:
    ingest([sender.clock()])
    return sender


def shown(box: Box) -> list[tuple[str, str]]:
    device = Device.objects.get(gateway=box.gateway_id, name="meter")
    return [(row.code, row.severity) for row in device.conditions.open().gravest_first()]


def say(sender: Sender, *events: EventRecord) -> None:
    ingest([sender.send(Lane.EVENT, one) for one in events])


def test_an_event_leaves_alone_what_people_change_meanwhile(box: Box, timed: Sender) -> None:
    say(timed, event(1000))
    device = Device.objects.get(name="meter")
    Device.objects.filter(pk=device.pk).update(given_name="Main incomer", revision=1)
    clock = BootClock.objects.get(box=box)
    apply_event(device, event(2000, state="error"), (box.pk, device.event_order + 1), clock)
    device.refresh_from_db()
    assert (device.state, device.given_name, device.revision) == ("error", "Main incomer", 1)


def test_an_event_makes_the_device_and_shows_its_state(box: Box, timed: Sender) -> None:
    identity = WireIdentity("Acme", "X1", "S-77", "1.2", "00:11:22:33:44:55")
    say(timed, event(1000, LOW, JAM, identity=identity))
    device = Device.objects.get(name="meter")
    assert (device.reachability, device.state) == ("online", "running")
    assert (device.maker, device.model, device.serial) == ("Acme", "X1", "S-77")
    assert device.reported_at == moment(OFFSET + 1000)
    assert shown(box) == [("media.jam", "error"), ("supply.low", "warning")]
    assert device.conditions.open().gravest_first().first() == DeviceCondition.objects.get(
        code="media.jam"
    )
    assert DeviceCondition.objects.get(code="media.jam").raised_at == moment(OFFSET + 900)
    assert DeviceCondition.objects.get(code="supply.low").raised_at == moment(OFFSET + 1000)


def test_what_is_no_longer_said_is_cleared_and_stays_as_history(box: Box, timed: Sender) -> None:
    say(timed, event(1000, JAM), event(2000))
    assert shown(box) == []
    assert DeviceCondition.objects.get().cleared_at == moment(OFFSET + 2000)


def test_a_change_of_severity_is_an_edge(box: Box, timed: Sender) -> None:
    say(timed, event(1000, condition("supply.low", "warning")))
    say(timed, event(2000, condition("supply.low", "service_call")))
    assert shown(box) == [("supply.low", "service_call")]
    assert [row.cleared_at for row in DeviceCondition.objects.order_by("raised_at")] == [
        moment(OFFSET + 2000),
        None,
    ]


def test_the_same_condition_goes_on_without_an_edge(timed: Sender) -> None:
    say(timed, event(1000, JAM), event(2000, JAM), event(3000, JAM))
    assert DeviceCondition.objects.get().raised_at == moment(OFFSET + 900)


@pytest.mark.req("C-17")
def test_conditions_are_frozen_while_the_device_is_unreachable(box: Box, timed: Sender) -> None:
    say(timed, event(1000, JAM))
    say(timed, event(2000, SILENT, reachability="unreachable", state="other"))
    assert shown(box) == [("media.jam", "error"), ("comm.timeout", "error")]
    assert Device.objects.get(name="meter").reachability == "unreachable"
    say(timed, event(3000))
    assert shown(box) == []


def test_an_older_event_never_overwrites_a_newer(box: Box, timed: Sender) -> None:
    old = timed.send(Lane.EVENT, event(1000, JAM))
    new = timed.send(Lane.EVENT, event(2000, LOW))
    assert acks(ingest([new]), timed, Lane.EVENT).ok == ((2, 2),)
    assert acks(ingest([old]), timed, Lane.EVENT).ok == ((1, 1),)
    assert shown(box) == [("supply.low", "warning")]


def test_an_older_epoch_never_overwrites_a_newer(box: Box, timed: Sender) -> None:
    later = timed.restarted()
    for _ in range(5):
        timed.number(Lane.EVENT)
    say(later, event(2000, LOW))
    say(timed, event(1000, JAM))
    assert shown(box) == [("supply.low", "warning")]


def test_a_late_event_still_tells_what_a_silent_device_last_said(box: Box, timed: Sender) -> None:
    old = timed.send(Lane.EVENT, event(1000, JAM))
    say(timed, event(2000, SILENT, reachability="unreachable"))
    ingest([old])
    assert shown(box) == [("media.jam", "error"), ("comm.timeout", "error")]


def test_an_event_that_knows_no_identity_forgets_none(timed: Sender) -> None:
    say(timed, event(1000, identity=WireIdentity(serial="S-1")), event(2000))
    assert Device.objects.get(name="meter").serial == "S-1"


def test_supplies_are_the_whole_set(timed: Sender) -> None:
    black = WireSupply("toner", "black", "Black", 80, None, "%", "ok")
    waste = WireSupply("waste", "", "Waste", None, None, "", "some_left")
    for supplies in ((black, waste), (black,)):
        say(timed, EventRecord("meter", 1, "online", "ready", WireIdentity(), (), supplies))
    row = Device.objects.get(name="meter").supplies.get()
    assert (row.kind, row.level, row.state) == ("toner", 80, "ok")


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (event(1, reachability="gone"), RejectCode.UNKNOWN_WORD),
        (event(1, state="dancing"), RejectCode.UNKNOWN_WORD),
        (event(1, condition("flux.low", "error")), RejectCode.UNKNOWN_WORD),
        (event(1, condition("media.jam", "dire")), RejectCode.UNKNOWN_WORD),
        (event(1, JAM, JAM), RejectCode.MISFIT),
        (event(1, device=""), RejectCode.NAME),
        (event(1, device="a\0b"), RejectCode.NAME),
        (event(1, condition("media.jam", "error", "x" * 101)), RejectCode.NAME),
        (event(1, condition("media.jam", "error", "a\0b")), RejectCode.NAME),
        (
            EventRecord(
                "m",
                1,
                "online",
                "ready",
                WireIdentity(),
                (),
                (WireSupply("ink", "", "", 10**9, None, "", "ok"),),
            ),
            RejectCode.INVALID,
        ),
        (event(2**62), RejectCode.INVALID),
        (event(1, condition("media.jam", "error", since=-(2**60))), RejectCode.INVALID),
        (event(2**42 - 1), RejectCode.TIME),
        (event(1, condition("media.jam", "error", since=2**42 - 1)), RejectCode.TIME),
    ],
)
def test_an_event_that_cannot_be_is_quarantined_alone(
    box: Box, timed: Sender, record: EventRecord, code: str
) -> None:
    ack = acks(ingest([timed.send(Lane.EVENT, event(1, LOW), record)]), timed, Lane.EVENT)
    assert (ack.ok, ack.rejected) == (((1, 1),), ((2, code),))
    assert shown(box) == [("supply.low", "warning")]


def test_a_nul_in_words_does_no_harm(timed: Sender) -> None:
    say(timed, event(1, identity=WireIdentity(maker="Ac\0me", model="M" * 500)))
    device = Device.objects.get(name="meter")
    assert (device.maker, len(device.model)) == ("Ac\ufffdme", 100)


def test_the_configuration_names_the_devices(box: Box, timed: Sender) -> None:
    document = {"devices": [{"name": "meter", "label": "Main incomer"}, {"name": "spare"}, 7]}
    old = timed.send(Lane.EVENT, configuration(5, {"devices": [{"name": "meter", "label": "Old"}]}))
    ingest([timed.send(Lane.EVENT, configuration(10, document))])
    ingest([old])
    assert {d.name: d.label for d in box.gateway.devices.all()} == {
        "meter": "Main incomer",
        "spare": "",
    }
    newest = box.gateway.configurations.newest()
    assert newest is not None
    assert "Main incomer" in newest.document


def test_naming_many_devices_takes_no_statement_for_each(timed: Sender) -> None:
    counts = []
    for number, devices in enumerate((1, 300)):
        named = [{"name": f"d{n}", "label": f"{number}. of {n}"} for n in range(devices)]
        message = timed.send(Lane.EVENT, configuration(10, {"devices": named}))
        with CaptureQueriesContext(connection) as queries:
            ingest([message])
        counts.append(len(queries))
    assert counts[1] < counts[0] + 30
    assert set(Device.objects.values_list("label", flat=True)) >= {"1. of 0", "1. of 299"}


@pytest.mark.parametrize("document", [[], "x", 5, None])
def test_a_configuration_that_is_none_is_rejected(timed: Sender, document: object) -> None:
    ack = acks(ingest([timed.send(Lane.EVENT, configuration(1, document))]), timed, Lane.EVENT)
    assert ack.rejected == ((1, RejectCode.MISFIT),)


def test_a_box_assigned_later_is_heard_whatever_its_predecessor_numbered(
    box: Box, timed: Sender
) -> None:
    say(timed, event(1000, JAM))
    later = assign_box(box.gateway, box_id="b-later")
    successor = Sender(later.box_id)
    ingest([successor.clock()])
    say(successor, event(10, LOW, state="ready"))
    assert shown(box) == [("supply.low", "warning")]
    assert Device.objects.get().state == "ready"
    say(timed, event(5000, JAM))
    assert shown(box) == [("supply.low", "warning")], "what was replaced has nothing to say"


def test_a_successors_configuration_is_the_newer(box: Box, timed: Sender) -> None:
    timed.ordinal = 7
    ingest([timed.send(Lane.EVENT, configuration(1000, {"gateway": {"label": "old"}}))])
    later = assign_box(box.gateway, box_id="b-later")
    successor = Sender(later.box_id)
    ingest([successor.clock()])
    ingest([successor.send(Lane.EVENT, configuration(5, {"gateway": {"label": "new"}}))])
    newest = RunningConfiguration.objects.newest()
    assert newest is not None
    assert "new" in newest.document


def test_a_configuration_under_another_ones_digest_is_rejected(timed: Sender) -> None:
    """The digest names the document for all boxes: no box may use it for another one."""
    honest = configuration(1000, {"gateway": {"heartbeat_s": 60}})
    other = configuration(1000, {"gateway": {"heartbeat_s": 86_400}})
    forged = ConfigurationRecord(1000, honest.digest, "root", other.document)
    ack = acks(ingest([timed.send(Lane.EVENT, forged)]), timed, Lane.EVENT)
    assert [code for _, code in ack.rejected] == [RejectCode.MISFIT]
    assert not RunningConfiguration.objects.exists()
