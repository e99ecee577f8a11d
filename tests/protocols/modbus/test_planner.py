from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.modbus.planner import (
    LIMITS,
    Cost,
    PlanError,
    Read,
    Rules,
    Span,
    Table,
    plan,
    split,
)

tables = st.sampled_from(list(Table))


@st.composite
def spans(draw: st.DrawFn, longest: int = 8) -> Span:
    address = draw(st.integers(0, 120))
    return Span(draw(tables), address, draw(st.integers(1, longest)))


@st.composite
def devices(draw: st.DrawFn) -> Rules:
    """What a device may allow: some gaps, a maximum, a cost."""
    return Rules(
        readable=tuple(draw(st.lists(spans(longest=30), max_size=6))),
        limits={table: draw(st.integers(8, 40)) for table in Table},
        cost=Cost(
            request=draw(st.floats(0.5, 50)),
            register=draw(st.sampled_from([0.0, 0.01, 1.0, 3.0])),
        ),
    )


def addresses(table: Table, address: int, count: int) -> set[tuple[Table, int]]:
    return {(table, at) for at in range(address, address + count)}


@given(st.lists(spans(), max_size=30), devices())
def test_every_span_is_served_once_and_whole_and_nothing_else_is_touched(
    wanted: list[Span], rules: Rules
) -> None:
    reads = plan(wanted, rules)
    assert sorted(i for read in reads for i in read.spans) == list(range(len(wanted)))
    allowed = set[tuple[Table, int]]()
    for span in (*wanted, *rules.readable):
        allowed |= addresses(span.table, span.address, span.count)
    for read in reads:
        assert 1 <= read.count <= rules.limit(read.table)
        for i in read.spans:
            assert wanted[i].table is read.table
            assert read.address <= wanted[i].address
            assert wanted[i].end <= read.address + read.count
        assert addresses(read.table, read.address, read.count) <= allowed


def cost_of(reads: tuple[Read, ...], cost: Cost) -> float:
    return sum(cost.request + cost.register * read.count for read in reads)


def every_cut(order: list[int]) -> list[list[list[int]]]:
    if not order:
        return [[]]
    return [
        [order[:size], *rest]
        for size in range(1, len(order) + 1)
        for rest in every_cut(order[size:])
    ]


@given(st.lists(spans(), min_size=1, max_size=7), devices())
def test_no_other_way_to_cut_the_spans_is_cheaper(wanted: list[Span], rules: Rules) -> None:
    one = [Span(Table.INPUT, span.address, span.count) for span in wanted]
    allowed = {
        at
        for span in (*one, *rules.readable)
        if span.table is Table.INPUT
        for at in range(span.address, span.end)
    }
    order = sorted(range(len(one)), key=lambda i: (one[i].address, one[i].count, i))
    cheapest = float("inf")
    for cut in every_cut(order):
        total = 0.0
        for part in cut:
            start, end = one[part[0]].address, max(one[i].end for i in part)
            fits = end - start <= rules.limit(Table.INPUT)
            if not fits or not allowed.issuperset(range(start, end)):
                break
            total += rules.cost.request + rules.cost.register * (end - start)
        else:
            cheapest = min(cheapest, total)
    assert cost_of(plan(one, rules), rules.cost) == pytest.approx(cheapest)


@given(st.lists(spans(), min_size=1, max_size=20), devices())
def test_a_plan_does_not_depend_on_the_order_of_the_points(
    wanted: list[Span], rules: Rules
) -> None:
    def shape(given: list[Span]) -> list[tuple[Table, int, int]]:
        return [(read.table, read.address, read.count) for read in plan(given, rules)]

    assert shape(wanted) == shape(wanted[::-1])


def test_neighbours_are_one_read_of_at_most_125_registers() -> None:
    wanted = [Span(Table.HOLDING, 2 * i, 2) for i in range(100)]
    reads = plan(wanted, Rules())
    assert [read.count for read in reads] == [76, 124] or sum(r.count for r in reads) == 200
    assert len(reads) == 2
    assert all(read.count <= 125 for read in reads)
    assert all(a.address + a.count == b.address for a, b in pairwise(reads))


def test_an_undeclared_gap_is_not_bridged() -> None:
    wanted = [Span(Table.HOLDING, 0, 1), Span(Table.HOLDING, 2, 1)]
    assert len(plan(wanted, Rules())) == 2
    bridge = Rules(readable=(Span(Table.HOLDING, 1, 1),))
    assert [(r.address, r.count) for r in plan(wanted, bridge)] == [(0, 3)]
    elsewhere = Rules(readable=(Span(Table.INPUT, 1, 1),))
    assert len(plan(wanted, elsewhere)) == 2


def test_a_gap_is_bridged_up_to_the_break_even_and_not_beyond() -> None:
    # 9600 baud, 11 bits a character, 5 ms in the device: G* = (13 c + 2 t35 + t) / 2 c registers
    c = 11 / 9600
    serial = Cost(request=13 * c + 2 * 3.5 * c + 0.005, register=2 * c)
    assert serial.break_even == pytest.approx(12.18, abs=0.01)
    for gap, reads in ((12, 1), (13, 2)):
        wanted = [Span(Table.INPUT, 0, 2), Span(Table.INPUT, 2 + gap, 2)]
        rules = Rules(readable=(Span(Table.INPUT, 0, 100),), cost=serial)
        assert len(plan(wanted, rules)) == reads


def test_bits_have_a_limit_of_their_own_and_are_packed() -> None:
    wanted = [Span(Table.COIL, i, 1) for i in range(2000)]
    (read,) = plan(wanted, Rules())
    assert (read.count, read.size_bytes) == (2000, 250)
    assert Read(Table.COIL, 0, 9).size_bytes == 2
    assert Read(Table.INPUT, 0, 9).size_bytes == 18


def test_a_device_may_not_allow_more_than_the_protocol() -> None:
    assert Rules(limits={Table.INPUT: 999}).limit(Table.INPUT) == LIMITS[Table.INPUT] == 125


@pytest.mark.parametrize(
    "span",
    [
        Span(Table.INPUT, 0, 126),
        Span(Table.INPUT, 0, 0),
        Span(Table.INPUT, 65535, 2),
        Span(Table.INPUT, -1, 1),
    ],
)
def test_what_no_read_can_serve_is_an_error(span: Span) -> None:
    with pytest.raises(PlanError, match="cannot be read in one request"):
        plan([span], Rules())


@given(st.lists(spans(), min_size=1, max_size=20), devices())
def test_halves_serve_what_the_whole_served(wanted: list[Span], rules: Rules) -> None:
    for read in plan(wanted, rules):
        halves = split(read, wanted)
        assert len(halves) == (2 if len(read.spans) > 1 else 0)
        if halves:
            assert sorted(i for half in halves for i in half.spans) == sorted(read.spans)
            whole = addresses(read.table, read.address, read.count)
            for half in halves:
                assert addresses(half.table, half.address, half.count) <= whole
