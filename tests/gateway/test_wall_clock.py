"""The whole gateway while its wall clock is unset, wrong, and set again (libfaketime)."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Q

from cloud_link.columns import cells
from cloud_link.records import ClockRecord, DataRecord, EventRecord, decode_record, table_id
from cloud_link.spool.model import SpoolLimits
from cloud_link.spool.spool import Spool
from cloud_link.wire import Lane
from drivers.report import Code, Kind, Quantity
from gateway.clock import SystemClock
from gateway.control.client import call
from gateway.intake.midnight import day_begins
from portal.fleet.models import Box as PortalBox
from portal.fleet.models import DeviceCondition
from portal.ingest.models import Latest, Sample, UndatedBoot
from portal.ingest.time_quality import unconfirmed, undated, undated_devices
from tests.faults.clockfault import WallClock
from tests.gateway.box import Box, wait_for
from tests.gateway.meter import meter
from tests.gateway.portal_view import (
    Moment,
    deliver,
    portal_page,
    spooled_readings,
    stored_readings,
)

pytestmark = [
    pytest.mark.peer("libfaketime", "cc"),
    pytest.mark.database,
    pytest.mark.django_db(transaction=True),
]

DAY = 86_400
FOREVER = 1 << 50
"""Unix milliseconds after every time of these tests."""
TOKYO = ZoneInfo("Asia/Tokyo")
CLOSE_MS = 2_000
"""A look at the clocks a second, and as much for a busy machine."""
PATIENCE_S = 90.0
"""Three polls take under a second, and much longer on a machine that is busy with other tests."""


PROFILE = """\
version: 1
maker: Maker
model: Meter
sources: [this test, its meter]
state: running
modbus: {words: high_first}
defaults: {table: input, type: float32}
points:
  - {at: 0x0034, quantity: power.active, resolution: -1}
  - {at: 0x0048, quantity: energy.import, scale: 1000, resolution: 0}
  - {at: 0x004A, quantity: energy.export, scale: 1000, resolution: 0}
"""
"""A meter whose counters are read at every poll."""


@pytest.fixture
def wall(tmp_path: Path) -> WallClock:
    return WallClock(folder=tmp_path)


@pytest.fixture
def box(tmp_path: Path, wall: WallClock) -> Iterator[Box]:
    """A gateway that is configured and does not run yet; its meter answers."""
    with meter() as device:
        box = Box(tmp_path / "state", before=wall.command())
        profiles = box.state / "profiles"
        profiles.mkdir(parents=True)
        (profiles / "meter.yaml").write_text(PROFILE)
        url = f"modbus-tcp://127.0.0.1:{device.port}/?unit=1&profile=meter"
        file = tmp_path / "gateway.yaml"
        file.write_text(
            "version: 1\nsite: {time_zone: Asia/Tokyo}\ngateway: {heartbeat_s: 60, health_s: 60}\n"
            "cloud: {broker: 'mqtt://127.0.0.1:9'}\n"
            f"devices: [{{name: main, url: '{url}', every_s: 0.2}}]\n"
        )
        assert box.kanmon("config", "apply", str(file)).returncode == 0
        yield box
        box.kill()


def accepted(box: Box, lane: str) -> int:
    count: int = call(box.state, "outbox")["accepted"][lane]
    return count


def more(box: Box, lane: str = "data", by: int = 3) -> None:
    """Wait until this many more records of a lane are accepted."""
    least = accepted(box, lane) + by
    wait_for(f"records in {lane}", lambda: accepted(box, lane) >= least, PATIENCE_S)


def clocks(box: Box) -> list[ClockRecord]:
    records = [
        (r.seq, decode_record(r.body)) for r in box.records().values() if r.lane is Lane.EVENT
    ]
    return [r for _, r in sorted(records, key=lambda one: one[0]) if isinstance(r, ClockRecord)]


def dated(records: list[ClockRecord], boot_ms: int) -> int:
    """A moment in Unix milliseconds, as the portal dates it: the newest that holds counts."""
    return boot_ms + [one for one in records if one.since <= boot_ms][-1].offset


def times(box: Box) -> list[int]:
    """When readings were taken, milliseconds since boot."""
    found = (decode_record(record.body) for record in box.records().values())
    return sorted({record.at for record in found if isinstance(record, DataRecord)})


def true_offset() -> int:
    sample = SystemClock().sample()
    return sample.wall - sample.boot


def near(found: int, expected: float) -> bool:
    return abs(found - expected) < CLOSE_MS


@pytest.mark.parametrize("year", [1970, 2000])
def test_unset_at_boot(box: Box, wall: WallClock, year: int) -> None:
    wall.set(datetime(year, 1, 2, tzinfo=TOKYO).timestamp() - time.time())
    box.start()
    more(box)
    status = call(box.state, "status")
    assert status["clock_known"] is False
    assert str(Code.CLOCK_UNSET) in {one["code"] for one in status["conditions"]}
    said = box.kanmon("status").stdout
    assert "Clock       not set" in said
    assert "make a time server reachable" in said
    wall.set(0, vouched=True)
    wait_for("the clock", lambda: bool(call(box.state, "status")["clock_known"]))
    wait_for("its condition's end", lambda: not call(box.state, "status")["conditions"])
    more(box, "data")
    wait_for("the event", lambda: accepted(box, "event") >= 5)
    assert box.end() == 0
    (clock,) = clocks(box)
    assert (clock.since, clock.synchronised) == (0, True)
    assert near(clock.offset, true_offset())
    events = [
        record
        for stored in sorted(box.records().values(), key=lambda one: one.seq)
        if isinstance(record := decode_record(stored.body), EventRecord)
        and record.device == "gateway"
    ]
    codes = [{condition.code for condition in event.conditions} for event in events]
    assert codes[0] == {Code.CLOCK_UNSET}
    assert codes[-1] == set()
    known = deliver(box)
    assert not misdated(known, box, [clock])
    assert not UndatedBoot.objects.filter(box=known).exists()
    assert not DeviceCondition.objects.open().filter(code=Code.CLOCK_UNSET.value).exists()
    assert unconfirmed(Q(box=known), 0, FOREVER) == []


def test_never_set(box: Box, wall: WallClock) -> None:
    """The portal counts what waits by device, and says that the clock is not set."""
    wall.set(datetime(2000, 1, 2, tzinfo=TOKYO).timestamp() - time.time())
    box.start()
    more(box)
    assert box.end() == 0
    assert clocks(box) == []
    known = deliver(box)
    readings = spooled_readings(box)
    sent = Counter(device for device, *_ in readings.elements())
    assert sent["main"] > 0
    assert {one.name: one.readings for one in undated_devices()} == sent
    assert undated()[known.pk].readings == readings.total()
    for page in ("gateway", "site-usage"):
        assert f"{readings.total()} readings have no time yet" in portal_page(known, page)
    assert DeviceCondition.objects.open().filter(code=Code.CLOCK_UNSET.value).exists()
    assert not Sample.objects.filter(series__device__gateway=known.gateway_id).exists()


def test_an_unconfirmed_day_ahead_and_two_days_back(box: Box, wall: WallClock) -> None:
    wall.set(0, vouched=True)
    box.start()
    more(box)
    for wrong in (DAY, -2 * DAY):
        before = accepted(box, "event")
        wall.set(wrong)
        wait_for("the step", lambda: accepted(box, "event") > before)  # noqa: B023 # called at once
        more(box)
    before = accepted(box, "event")
    wall.set(0, vouched=True)
    wait_for("the source", lambda: accepted(box, "event") > before)
    more(box)
    assert box.end() == 0
    right, ahead, back, vouched = clocks(box)
    offset = true_offset()
    assert [one.synchronised for one in (right, ahead, back, vouched)] == [True, False, False, True]
    assert right.since == 0 < ahead.since < back.since
    assert vouched.since == ahead.since, "only what no source vouched for is dated again"
    assert near(ahead.offset - offset, DAY * 1000)
    assert near(back.offset - offset, -2 * DAY * 1000)
    assert all(near(dated(clocks(box), at), at + offset) for at in times(box))
    known = deliver(box)
    assert not misdated(known, box, clocks(box))
    assert unconfirmed(Q(box=known), 0, FOREVER) == []
    without = deliver(box, lambda record: record != vouched)
    stretches = unconfirmed(Q(box=without), 0, FOREVER)
    steps = sorted([ahead, back], key=lambda one: one.since + one.offset)
    assert [one.start for one in stretches] == [one.since + one.offset for one in steps]
    newest = Latest.objects.filter(series__device__gateway=without.gateway_id)
    of_meter = newest.filter(series__device__name="main").values_list("at", flat=True)
    last = max(at for device, *_, at in spooled_readings(box) if device == "main")
    assert last + back.offset in set(of_meter), "what was read last"
    page = portal_page(without, "gateway")
    assert "No time source has confirmed the gateway's clock for readings between" in page


def test_a_clock_that_was_a_day_ahead_from_boot_is_put_right(box: Box, wall: WallClock) -> None:
    wall.set(DAY)
    box.start()
    more(box)
    wall.set(0, vouched=True)
    wait_for("the source", lambda: len(times_known(box)) == 2)
    more(box)
    assert box.end() == 0
    assert [(one.since, one.synchronised) for one in clocks(box)] == [(0, False), (0, True)]
    assert all(near(dated(clocks(box), at), at + true_offset()) for at in times(box))
    known = deliver(box)
    assert not misdated(known, box, clocks(box))
    assert unconfirmed(Q(box=known), 0, FOREVER) == []


def misdated(known: PortalBox, box: Box, records: list[ClockRecord]) -> list[Moment]:
    """The readings that the portal has not once each, under the time of these clock records."""
    expected: Counter[Moment] = Counter()
    for (device, quantity, part, at), count in spooled_readings(box).items():
        expected[device, quantity, part, dated(records, at)] += count
    assert expected
    assert set(expected.values()) == {1}
    found = stored_readings(known)
    return sorted((found - expected) + (expected - found))


def times_known(box: Box) -> list[str]:
    return [line for line in box.log().splitlines() if "clock_known" in line]


def at_site(day: int, hour: int, minute: int = 0) -> float:
    """Seconds from the present to a time of the site's next month."""
    first = (datetime.now(TOKYO).replace(day=1) + timedelta(days=32)).replace(day=1)
    moment = first.replace(day=day, hour=hour, minute=minute, second=0)
    return moment.timestamp() - time.time()


@pytest.mark.parametrize(
    "stations",
    [
        pytest.param([(15, 12, 0), (17, 3, 0)], id="in mid-month, ahead"),
        pytest.param([(15, 12, 0), (13, 12, 0)], id="in mid-month, back"),
        # Back to an earlier minute: a portal moves the second of two readings of one moment.
        pytest.param([(14, 23, 50), (15, 0, 10), (14, 23, 40)], id="over midnight and back"),
        pytest.param([(14, 22, 0), (15, 0, 0)], id="to midnight"),
    ],
)
def test_a_jump_over_the_site_s_midnight_leaves_out_no_boundary_and_doubles_none(
    box: Box, wall: WallClock, stations: list[tuple[int, int, int]]
) -> None:
    wall.set(at_site(*stations[0]))
    box.start()
    more(box)
    for known, station in enumerate(stations[1:], 2):
        wall.set(at_site(*station))
        wait_for("the jump", lambda: len(times_known(box)) == known)  # noqa: B023 # called at once
        more(box, "boundary", 1)
        more(box, by=1)
    assert box.end() == 0
    records = clocks(box)
    assert len(records) == len(stations)
    assert not any(one.synchronised for one in records)
    readings = counters(box)
    days = [day_of(dated(records, at)) for at in readings]
    turns = [n for n in range(1, len(days)) if days[n] != days[n - 1]]
    assert len(turns) == len(stations) - 1
    whole = max(len(columns[Lane.BOUNDARY]) for columns in readings.values())
    for columns in readings.values():
        assert not columns[Lane.BOUNDARY] & columns[Lane.DATA], "no counter in both lanes"
    polls = list(readings.values())
    for turn in turns:
        # The clock may be set while a poll is under way: then that one begins the day, although the
        # device had answered before.
        first = turn if polls[turn][Lane.BOUNDARY] else turn - 1
        assert len(polls[first][Lane.BOUNDARY]) == whole > 0, "the first poll of a day: all"
        assert not polls[first][Lane.DATA]
    at_portal = deliver(box)
    assert not misdated(at_portal, box, records)
    stretches = unconfirmed(Q(box=at_portal), 0, FOREVER)
    assert sorted(one.start for one in stretches) == sorted(c.since + c.offset for c in records)


def day_of(unix_ms: int) -> int:
    return day_begins(datetime.fromtimestamp(unix_ms / 1000, TOKYO).date(), TOKYO)


def counters(box: Box) -> dict[int, dict[Lane, set[tuple[str, str]]]]:
    """The counters of the meter sent at each moment, by lane; each at most once in each."""
    spool = Spool.open(box.state / "spool", boot=bytes(8), limits=SpoolLimits())
    found: dict[int, dict[Lane, set[tuple[str, str]]]] = defaultdict(lambda: defaultdict(set))
    try:
        for lane in (Lane.DATA, Lane.BOUNDARY):
            pending = spool.pending(lane, after=0, limit_bytes=100_000_000)
            known = spool.tables({record.table for record in pending if record.table})
            tables = {table_id(table): table for table in known if table.device == "main"}
            for record in pending:
                data = decode_record(record.body)
                if not isinstance(data, DataRecord) or data.table not in tables:
                    continue
                for cell in cells(tables[data.table], data):
                    column = tables[data.table].columns[cell.column]
                    if Quantity(column.quantity).kind is Kind.COUNTER:
                        assert (column.quantity, column.part) not in found[data.at][lane], (
                            f"{column.quantity} twice at {data.at} in {lane.name}, "
                            f"the second time under {record.seq}: {data}"
                        )
                        found[data.at][lane].add((column.quantity, column.part))
    finally:
        spool.close()
    return dict(sorted(found.items()))
