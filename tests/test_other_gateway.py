"""The pure parts of `scripts/bench peer`: what counts as arrived, and what as lost."""

from __future__ import annotations

import json

import pytest

from cloud_link import records, topics, wire
from scripts.benchmarks import __main__, thingsboard
from scripts.benchmarks.figures import Figure, NotMeasuredError
from scripts.benchmarks.other_gateway import (
    CONTESTS,
    DEAD,
    Load,
    Outcome,
    loss_figures,
    speed_figures,
)
from scripts.benchmarks.platforms import (
    KanmonPlatform,
    Sample,
    ThingsboardPlatform,
    Window,
    lost,
)

BOX = "b-k3v9q2m7xa"
TABLE = records.Table(
    "unit-1", tuple(records.Column("current", f"channel={n}", -1) for n in (1, 2, 3))
)


def batch(*seqs: int) -> bytes:
    record = records.DataRecord(records.table_id(TABLE), 5_000, [1, None, 3])
    items = tuple((seq, records.encode_record(record)) for seq in seqs)
    return wire.encode(
        wire.Batch(wire.VERSION, b"e" * 8, 1, wire.Lane.DATA, b"b" * 8, items),
    )


def test_kanmons_platform_counts_values_once_and_acknowledges_them_each_time() -> None:
    platform = KanmonPlatform()
    tables = wire.encode(wire.Tables(wire.VERSION, (TABLE,)))
    assert platform.take(topics.up(BOX, topics.Up.TABLE), tables) == ([], [])
    samples, posts = platform.take(topics.up(BOX, topics.Up.DATA), batch(7, 8))
    assert samples == [Sample("unit-1", 5_000, 2)] * 2
    assert [post.topic for post in posts] == [topics.down(BOX, topics.Down.ACK)]
    assert wire.decode(wire.Ack, posts[0].body).ok == ((7, 7), (8, 8))
    again, posts = platform.take(topics.up(BOX, topics.Up.DATA), batch(8, 9))
    assert len(again) == 1
    assert wire.decode(wire.Ack, posts[0].body).ok == ((8, 8), (9, 9))


def test_thingsboards_platform_grants_limits_and_counts_values_once() -> None:
    platform = ThingsboardPlatform()
    asked = json.dumps({"method": "getSessionLimits", "params": {}}).encode()
    samples, posts = platform.take("v1/devices/me/rpc/request/3", asked)
    assert samples == []
    assert [post.topic for post in posts] == ["v1/devices/me/rpc/response/3"]
    assert json.loads(posts[0].body)["rateLimits"] == {}
    told = json.dumps({"unit-1": [{"ts": 5_000, "values": {"r0": 1, "r1": 2}}]}).encode()
    first, _ = platform.take("v1/gateway/telemetry", told)
    again, _ = platform.take("v1/gateway/telemetry", told)
    assert [sample.readings for sample in first + again] == [2, 0]
    assert platform.take("v1/devices/me/rpc/request/4", b'{"method": "else"}') == ([], [])


def polls(device: str, first: int, count: int, readings: int = 10) -> list[Sample]:
    return [Sample(device, first + 1_000 * n, readings) for n in range(count)]


WINDOW = Window(began=100_000, periods=5, period_ms=1_000)


@pytest.mark.parametrize("phase", [0, 1, 250, 500, 750, 999])
def test_nothing_is_lost_when_every_poll_arrives_whatever_its_phase_and_jitter(phase: int) -> None:
    jitter = [Sample(s.device, s.at + (-90, 60, 0)[n % 3], s.readings)
              for n, s in enumerate(polls("unit-1", 96_000 + phase, 12))]  # fmt: skip
    assert lost(jitter, WINDOW, {"unit-1": 10}) == 0


def test_missing_polls_and_parts_of_polls_are_lost_and_a_burst_makes_up_for_none() -> None:
    samples = polls("unit-1", 98_200, 12)
    del samples[4]
    samples[5] = Sample("unit-1", samples[5].at, 4)
    samples += polls("unit-1", samples[3].at, 1, 100)
    assert lost(samples, WINDOW, {"unit-1": 10}) == 10 + 6
    assert lost([], WINDOW, {"unit-1": 10, "unit-2": 3}) == 65
    assert lost(polls("unit-2", 98_200, 12), WINDOW, {}) == 0


def outcome(readings_s: float, share: float, lost_: tuple[float, ...]) -> Outcome:
    return Outcome(load=Load(readings_s=readings_s, cpu_share=share, resident_mb=50), lost=lost_)


def test_figures_are_medians_and_say_whether_the_aims_are_met() -> None:
    outcomes = {
        "Kanmon": [outcome(4_000, 0.02, (0, 0, 0.1)), outcome(4_000, 0.02, (0, 0, 0))] * 2,
        "other": [outcome(4_000, 0.5, (0, 0.6, 0.9)), outcome(4_000, 0.4, (0, 0.4, 0.9))],
    }
    speeds = {figure.name: figure for figure in speed_figures(CONTESTS[0], outcomes)}
    ratio = speeds["readings per CPU-second, Kanmon's over the other's"]
    assert (ratio.value, ratio.met) == ("22.2", False)
    losses = loss_figures(outcomes, periods=12)
    assert len(losses) == len(DEAD)
    assert [figure.met for figure in losses] == [True, True, False]
    assert "other 50.0%" in losses[1].value


def test_each_form_of_the_other_gateways_configuration_reads_every_register() -> None:
    for ranged, points in ((False, 400), (True, 1)):
        work = thingsboard.Work(
            broker=1, plant=2, units=10, registers=400, every_s=0.25, ranged=ranged
        )
        slave = thingsboard.slave(3, work)
        assert (slave["unitId"], slave["pollPeriod"]) == (3, 250)
        assert isinstance(slave["timeseries"], list)
        assert len(slave["timeseries"]) == points


def test_a_group_that_cannot_be_measured_is_named_loudly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_scale: float) -> list[Figure]:
        raise NotMeasuredError("no network")

    monkeypatch.setitem(__main__.GROUPS, "peer", ("Beside another", refuse))
    monkeypatch.setattr("sys.argv", ["bench", "peer"])
    assert __main__.main() == 1
    assert "GROUP 'peer' WAS NOT MEASURED: no network" in capsys.readouterr().err
