"""Readings as columns: round trips, misfits, and what a reading costs on the wire."""

from __future__ import annotations

import random
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_link.columns import (
    QUALITIES,
    cells,
    columns_in,
    data_record,
    event_record,
    pack_columns,
    table_for,
)
from cloud_link.records import (
    Column,
    DataRecord,
    Table,
    WireError,
    decode_record,
    encode_record,
    table_id,
)
from cloud_link.topics import Up, up
from cloud_link.wire import (
    VERSION,
    Batch,
    Lane,
    encode,
)
from drivers.report import (
    Clock,
    Code,
    Condition,
    Identity,
    Quality,
    Quantity,
    Reachability,
    Reading,
    Report,
    Severity,
    State,
    Supply,
    SupplyState,
)

WHOLE = Table("main", tuple(Column("voltage", "", -1) for _ in range(40)))


@st.composite
def polls(draw: st.DrawFn) -> tuple[list[Reading], list[int] | None]:
    """Readings of one poll, in a table of 40 columns: all of them, or some."""
    chosen = draw(
        st.none() | st.lists(st.integers(0, 39), min_size=1, max_size=40, unique=True).map(sorted)
    )
    count = 40 if chosen is None else len(chosen)
    start = draw(st.integers(0, 2**40))
    steps = draw(st.lists(st.sampled_from([0, 0, 0, 3, 250]), min_size=count, max_size=count))
    readings: list[Reading] = []
    for at in accumulate(steps, initial=start):
        if len(readings) == count:
            break
        quality = draw(st.sampled_from(Quality))
        good = quality is Quality.GOOD
        value = draw(st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5)) if good else None
        readings.append(
            Reading(quantity=Quantity.VOLTAGE, value=value, at=at, resolution=-1, quality=quality)
        )
    return readings, chosen


@given(polls())
def test_what_was_read_comes_back(poll: tuple[list[Reading], list[int] | None]) -> None:
    readings, chosen = poll
    record = decode_record(encode_record(data_record(table_id(WHOLE), readings, chosen)))
    assert isinstance(record, DataRecord)
    back = cells(WHOLE, record)
    assert [cell.column for cell in back] == (chosen if chosen is not None else list(range(40)))
    assert [(c.at, c.value, c.quality) for c in back] == [
        (r.at, r.value, r.quality) for r in readings
    ]


@pytest.mark.req("C-20")
def test_a_missing_value_is_never_zero_and_always_has_its_reason() -> None:
    readings = [
        Reading(quantity=Quantity.VOLTAGE, value=0, at=5),
        Reading(quantity=Quantity.VOLTAGE, value=None, at=5, quality=Quality.NOT_AVAILABLE),
    ]
    table = table_for("main", readings)
    first, second = cells(table, data_record(table_id(table), readings))
    assert (first.value, first.quality) == (0, Quality.GOOD)
    assert (second.value, second.quality) == (None, Quality.NOT_AVAILABLE)


@pytest.mark.parametrize(
    "record",
    [
        DataRecord(b"t" * 8, 0, [1]),
        DataRecord(b"t" * 8, 0, [1, 2, 3]),
        DataRecord(b"t" * 8, 0, [1, 2], b"\x01"),
        DataRecord(b"t" * 8, 0, [1], b"\x04"),
        DataRecord(b"t" * 8, 0, [1], b"\x00"),
        DataRecord(b"t" * 8, 0, [1], b"\x01" + b"\xff" * 1000),
        DataRecord(b"t" * 8, 0, [1, 2], None, ((1, 0),)),
        DataRecord(b"t" * 8, 0, [1, 2], None, ((3, 0),)),
        DataRecord(b"t" * 8, 0, [1, 2], None, ((-1, 0), (3, 0))),
        DataRecord(b"t" * 8, 0, [1, 2], None, ((2**62, 0),)),
        DataRecord(b"t" * 8, 0, [1, None]),
        DataRecord(b"t" * 8, 0, [1, None], None, (), ((2, 1),)),
        DataRecord(b"t" * 8, 0, [1, None], None, (), ((1, 0),)),
        DataRecord(b"t" * 8, 0, [1, None], None, (), ((1, len(QUALITIES)),)),
        DataRecord(b"t" * 8, 0, [1, None], None, (), ((-1, 1),)),
    ],
)
def test_a_record_that_does_not_fit_is_a_wire_error(record: DataRecord) -> None:
    table = Table("main", (Column("voltage", "l1", -1), Column("voltage", "l2", -1)))
    with pytest.raises(WireError):
        cells(table, record)


ints = st.integers(-3, 50) | st.integers(-(2**63), 2**63 - 1)


@settings(max_examples=500)
@given(
    st.builds(
        DataRecord,
        st.just(b"t" * 8),
        ints,
        st.lists(ints | st.none(), max_size=50),
        st.none() | st.binary(max_size=10),
        st.lists(st.tuples(ints, ints), max_size=4).map(tuple),
        st.lists(st.tuples(ints, ints), max_size=4).map(tuple),
    )
)
def test_any_record_ends_in_cells_or_a_wire_error(record: DataRecord) -> None:
    try:
        found = cells(WHOLE, record)
    except WireError:
        return
    assert all(0 <= cell.column < 40 for cell in found)
    assert all((cell.value is None) == (cell.quality is not Quality.GOOD) for cell in found)


@given(st.lists(st.integers(0, 400), min_size=1, unique=True).map(sorted))
def test_picks_are_a_bitmap(columns: list[int]) -> None:
    record = pack_columns(b"t" * 8, [0] * len(columns), [0] * len(columns), columns=columns)
    assert record.column_bitmap is not None
    assert columns_in(record.column_bitmap) == columns
    assert len(record.column_bitmap) == columns[-1] // 8 + 1


def test_the_vocabulary_of_qualities_only_grows() -> None:
    assert [quality.value for quality in QUALITIES[:5]] == [
        "good",
        "not_supported",
        "not_available",
        "out_of_range",
        "unreconciled",
    ]


def test_an_event_carries_the_whole_state() -> None:
    report = Report(
        device="main",
        at=9,
        clock=Clock(boot="0" * 32, offset=None),
        reachability=Reachability.ONLINE,
        state=State.ERROR,
        identity=Identity(maker="Acme", serial="7"),
        conditions=(Condition(code=Code.PHASE_LOST, severity=Severity.ERROR, component="l1"),),
        supplies=(Supply(kind="toner", level=3, state=SupplyState.LOW),),
    )
    event = event_record(report)
    assert decode_record(encode_record(event)) == event
    assert (event.device, event.at, event.reachability, event.state) == (
        "main",
        9,
        "online",
        "error",
    )
    assert (event.identity.maker, event.identity.serial) == ("Acme", "7")
    assert [(c.code, c.severity, c.component) for c in event.conditions] == [
        ("phase.lost", "error", "l1")
    ]
    assert [(s.kind, s.level, s.state) for s in event.supplies] == [("toner", 3, "low")]


# --- what it costs --------------------------------------------------------------------------

POLL = 50
BOX = "b-k3v9q2m7xa"
LEVELS = (
    *[(2300, 15)] * 6,  # voltages, tenths
    *[(12_500, 900)] * 4,  # currents, mA
    *[(8_600, 500)] * 12,  # powers, W, var and VA
    *[(950, 20)] * 4,  # power factors, thousandths
    *[(500, 1)] * 1,  # frequency
    *[(45, 6)] * 9,  # harmonics and angles
)
"""(level, spread) of 36 values that fit 16 bits; beside them 14 counters of 32 bits, in Wh."""


def meter(seed: int, polls: int) -> list[list[int | str | None]]:
    """Successive polls of a three-phase meter under a wandering load."""
    noise = random.Random(seed)
    counters = [noise.randrange(2**20, 2**31) for _ in range(POLL - len(LEVELS))]
    result: list[list[int | str | None]] = []
    for _ in range(polls):
        gauges = [round(noise.gauss(level, spread)) for level, spread in LEVELS]
        counters = [counter + noise.randrange(0, 4) for counter in counters]
        result.append([*gauges, *counters])
    return result


def packet_size(rows: list[list[int | str | None]], first_seq: int) -> int:
    """Bytes of the whole MQTT 5 PUBLISH packet at QoS 1 (section 3.3)."""
    start = 86_400_000
    bodies = [
        encode_record(
            pack_columns(b"t" * 8, row, [start + n * 1000] * 25 + [start + n * 1000 + 38] * 25)
        )
        for n, row in enumerate(rows)
    ]
    items = tuple(enumerate(bodies, first_seq))
    payload = encode(Batch(VERSION, b"e" * 8, 12, Lane.DATA, b"b" * 8, items))
    rest = 2 + len(up(BOX, Up.DATA)) + 2 + 1 + len(payload)
    return 1 + (1 if rest < 128 else 2 if rest < 16_384 else 3) + rest


@pytest.mark.parametrize(("together", "aim"), [(1, 6.0), (10, 5.0)])
def test_a_reading_costs_about_five_bytes(together: int, aim: float) -> None:
    """Polls of 50, two transactions each; whole PUBLISH packets, mean of 20 seeds."""
    costs = [
        packet_size(meter(seed, together), 100_000 + seed) / (together * POLL) for seed in range(20)
    ]
    mean = sum(costs) / len(costs)
    print(f"{together} polls a message: {mean:.2f} bytes a reading")
    assert max(costs) <= aim
