from __future__ import annotations

import pytest

from cloud_link.wire import Lane
from console.templates import evidence
from drivers.report import Clock, Code, Quantity, check_part
from gateway.health.health import (
    DISK_LOW_BYTES,
    DROPPING_MS,
    Health,
    ProcessFigures,
    SpoolFigures,
    line_part,
    process_figures,
)
from gateway.polling.line_poller import LineCounts

SET = Clock(boot="0" * 32, offset=5)
UNSET = Clock(boot="0" * 32, offset=None)
PROCESS = ProcessFigures(resident=40_000_000, cpu_ms=1_234, uptime_s=60)


def codes(health: Health, at: int, spool: SpoolFigures, clock: Clock = SET) -> set[Code]:
    return {c.code for c in health.report(at, clock, spool, PROCESS, {}).conditions}


def test_every_reading_has_a_part_its_quantity_allows() -> None:
    spool = SpoolFigures(
        records={"data": 5, "gap": 0}, dropped={"data": 1}, oldest_at=1_000, disk_free=10**12
    )
    lines = {
        "tcp:127.0.0.1:1502": LineCounts(polls=9),
        "tcp:[fe80::1]:502": LineCounts(),
        "serial:/dev/ttyUSB0": LineCounts(missed=2),
    }
    report = Health("1.0", "b-abcdefghij").report(61_000, SET, spool, PROCESS, lines)
    for reading in report.readings:
        check_part(reading.quantity, reading.part)
    found = {(r.quantity, r.part): r.value for r in report.readings}
    assert found[Quantity.SPOOL_OLDEST, ""] == 60
    assert found[Quantity.POLLS, "line=tcp:127.0.0.1:1502"] == 9
    assert found[Quantity.POLLS_MISSED, f"line={line_part('serial:/dev/ttyUSB0')}"] == 2
    assert report.identity.serial == "b-abcdefghij"
    assert report.device == "gateway"


def test_conditions_say_what_needs_somebody() -> None:
    fine = SpoolFigures(disk_free=10**12)
    health = Health("1", "b")
    assert codes(health, 0, fine) == set()
    assert codes(health, 1, fine, UNSET) == {Code.CLOCK_UNSET}
    assert codes(health, 2, SpoolFigures(refusing=True)) == {Code.SPOOL_FAULT}
    assert codes(health, 3, SpoolFigures(disk_free=DISK_LOW_BYTES - 1)) == {Code.DISK_FULL}


def test_a_full_spool_clears_when_nothing_is_dropped_for_long() -> None:
    health = Health("1", "b")
    before, after = SpoolFigures(dropped={"data": 7}), SpoolFigures(dropped={"data": 8})
    assert codes(health, 0, before) == set()  # dropped before this start: told then
    assert codes(health, 1_000, after) == {Code.SPOOL_FULL}
    assert codes(health, 2_000, after) == {Code.SPOOL_FULL}
    assert codes(health, 1_000 + DROPPING_MS, after) == set()


@pytest.mark.parametrize("lane", Lane)
def test_dropped_records_are_counted_in_words_of_their_lane(lane: Lane) -> None:
    health, name = Health("1", "b"), lane.name.lower()
    codes(health, 0, SpoolFigures(dropped={name: 7}))
    report = health.report(1, SET, SpoolFigures(dropped={name: 8}), PROCESS, {})
    (seen,) = report.conditions[0].evidence
    assert (seen.label, seen.value) == ("", "8")
    assert str(seen.meaning).endswith(" dropped since the start")
    assert seen.meaning != evidence.DROPPED()


def test_the_process_knows_itself() -> None:
    figures = process_figures(1_000, 61_500)
    assert figures.uptime_s == 60
    assert figures.resident > 1_000_000
    assert figures.cpu_ms > 0
