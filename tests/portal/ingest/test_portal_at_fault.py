"""Where the portal is at fault, no record is: nothing is answered or rejected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from cloud_link.wire import Lane, RejectCode
from portal.ingest import canary, sql
from portal.ingest.isolation import ingest_or_isolate
from portal.ingest.models import Alarm, PendingClock, Quarantine, Receipt, Sample
from portal.ingest.store import ingest
from tests.portal.ingest.poison import BAD, OUTAGES, any_error, poisoned, refusing
from tests.portal.ingest.sender import METER, Sender, acks, fleet_of, meter, new_box

pytestmark = [
    pytest.mark.database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("patience"),
]


@pytest.mark.parametrize("error", OUTAGES)
def test_an_outage_is_the_fault_of_no_box(dated: Sender, hostile: Sender, error: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's triggers raise none of these")
    raises = f"RAISE EXCEPTION 'outage' USING ERRCODE = '{OUTAGES[error]}'"
    sent = [
        hostile.send(Lane.DATA, meter(1000, 1, 2, BAD)),
        dated.send(Lane.DATA, meter(1, 1, 2, 3)),
    ]
    with poisoned("ingest_sample", f"NEW.value = {BAD}", raises), pytest.raises(sql.OUTAGES):
        ingest_or_isolate(sent)
    assert not Quarantine.objects.exists()
    assert len(ingest(sent).answers) == 2


def test_a_canary_that_fails_answers_nothing(dated: Sender, hostile: Sender) -> None:
    sent = [one.send(Lane.DATA, meter(1000, 1, 2, 3)) for one in (dated, hostile)]
    with (
        poisoned("ingest_sample", "NEW.value IS NOT NULL", any_error()),
        pytest.raises(canary.CanaryError),
    ):
        ingest_or_isolate(sent)
    assert not Quarantine.objects.exists()
    assert not Receipt.objects.filter(lane=Lane.DATA).exists()
    assert len(ingest(sent).answers) == 2


@pytest.mark.parametrize("fails", ["record", "message"])
def test_a_canary_that_fails_afterwards_rejects_nothing(
    dated: Sender, hostile: Sender, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """The portal may have begun to fail between the canary before and the record."""
    checked: list[str] = []

    def check(kind: str, _: datetime) -> None:
        checked.append(kind)
        if checked.count(kind) == 2:
            raise canary.CanaryError(kind, LookupError("a fault of ours"))

    monkeypatch.setattr(canary, "check", check)
    if fails == "record":
        bad = hostile.send(Lane.DATA, meter(1000, 1, 2, BAD))
        poison = refusing()
    else:
        bad = hostile.online(software="poison")
        poison = poisoned("fleet_box", "NEW.software = 'poison'", any_error(), on="UPDATE")
    with poison, pytest.raises(canary.CanaryError):
        ingest_or_isolate([bad])
    assert len(checked) == 2
    assert not Quarantine.objects.exists()


@pytest.mark.parametrize("together", [True, False])
def test_records_of_three_boxes_that_fail_alike_are_not_at_fault(
    dated: Sender, together: bool, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = fleet_of(3)
    bad = [one.send(Lane.DATA, meter(1000, 1, 2, BAD)) for one in fleet]
    good = dated.send(Lane.DATA, meter(1000, 1, 2, 3))
    with refusing():
        results = [ingest([*bad, good])] if together else [ingest([one]) for one in [*bad, good]]
        answered = {answer.box for one in results for answer in one.answers}
        assert dated.box in answered
        assert fleet[2].box not in answered
        if together:
            assert answered == {dated.box}
            assert not Quarantine.objects.exists()
        again = ingest([bad[2]])  # an alarm is open: two boxes are enough
        assert (again.answers, again.tally.held) == ((), 1)
    alarm = Alarm.objects.get()
    assert alarm.ended_at is None
    assert caplog.text.count("ingest_alarm ") == 1
    assert acks(ingest([bad[2]]), fleet[2]).ok == ((0, 0),)


def test_a_record_that_waited_for_its_clock_waits_on_while_the_portal_is_at_fault(
    transactional_db: None,
) -> None:
    """It was acknowledged: its box no longer sends it."""
    fleet = [Sender(new_box().box_id) for _ in range(3)]
    waiting = [one.send(Lane.DATA, meter(1000, 1, 2, BAD)) for one in fleet]
    ingest([*(one.tables(METER) for one in fleet), *waiting])
    assert PendingClock.objects.count() == 3
    with refusing():
        ingest([one.clock() for one in fleet])
    assert (PendingClock.objects.count(), Quarantine.objects.count()) == (3, 0)
    ingest([one.online() for one in fleet])
    assert (PendingClock.objects.count(), Sample.objects.count()) == (0, 9)


def test_two_boxes_or_two_minutes_are_not_a_fleet(transactional_db: None) -> None:
    fleet = fleet_of(4)
    now = datetime.now(UTC)
    with refusing():
        for index, one in enumerate(fleet):
            message = one.send(Lane.DATA, meter(1000, 1, 2, BAD))
            result = ingest([message], now + timedelta(seconds=45 * index))
            assert acks(result, one).rejected == ((0, RejectCode.REFUSED),)
    assert not Alarm.objects.exists()
