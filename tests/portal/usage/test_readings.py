from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.fleet.models import Device
from portal.usage.counting import Reading, count
from portal.usage.readings import read_all, read_edges
from tests.portal.usage.meters import counted, meter

if TYPE_CHECKING:
    from tests.portal.web.seed import SeedIds

pytestmark = [pytest.mark.django_db, pytest.mark.database]
EDGES = [0, 1000, 2000, 3000]


@pytest.fixture
def device(seeded: SeedIds) -> Device:
    return meter(Device.objects.get(pk=seeded.meter).gateway.site_id, "any")


def test_only_the_ends_of_each_cell_are_read_and_one_reading_beyond(device: Device) -> None:
    samples = [(at, 500 + at) for at in range(-900, 4000, 100)]
    series = counted(device, samples).pk
    assert [at for at, _value in read_edges([series], EDGES)[series]] == [
        -100, 0, 900, 1000, 1900, 2000, 2900, 3000
    ]  # fmt: skip
    assert read_all([series], 0, 3000)[series] == [s for s in samples if -100 <= s[0] <= 3000]


@pytest.mark.req("C-20")
def test_a_sample_without_a_value_is_no_reading(device: Device) -> None:
    series = counted(device, [(-5, None), (10, None), (20, 7), (30, None), (2999, None)]).pk
    assert read_edges([series], EDGES) == {series: [(20, 7)]}
    assert read_all([series], 0, 3000) == {series: [(20, 7)]}


def test_series_do_not_mix_and_an_unknown_one_is_empty(device: Device) -> None:
    one = counted(device, [(5, 1), (995, 2)]).pk
    other = counted(device, [(6, 8), (7, 9)], quantity="energy.export").pk
    assert read_edges([one, other, 10**9], EDGES) == {
        one: [(5, 1), (995, 2)], other: [(6, 8), (7, 9)], 10**9: []
    }  # fmt: skip


def test_a_cell_in_which_the_register_fell_is_read_whole(device: Device) -> None:
    samples: list[tuple[int, int | None]] = [
        (0, 100), (300, 110), (600, 3), (900, 5), (1100, 6), (1900, 7)
    ]  # fmt: skip
    series = counted(device, samples).pk
    assert read_edges([series], EDGES)[series] == samples


def test_what_is_read_counts_as_if_all_had_been(device: Device) -> None:
    for round_ in range(15):
        random.seed(round_)
        value, samples, at = 0, [], -2000
        while at < 6000:
            at += random.choice([10, 40, 90, 700])
            value += random.choice([0, 1, 5])
            samples.append((at, value))
        series = counted(device, samples, part=f"tariff={round_ + 1}").pk
        readings = [Reading(*pair) for pair in read_edges([series], EDGES)[series]]
        every = [Reading(*pair) for pair in samples]
        assert count(readings, EDGES, 90) == count(every, EDGES, 90)


def test_the_number_of_statements_does_not_grow_with_cells_or_devices(device: Device) -> None:
    series = [
        counted(device, [(at, at) for at in range(0, 3000, 50)], part=f"channel={n + 1}").pk
        for n in range(5)
    ]
    with CaptureQueriesContext(connection) as few:
        read_edges(series[:1], EDGES)
    with CaptureQueriesContext(connection) as many:
        found = read_edges(series, range(0, 3001, 100))
    assert len(few) == len(many) == 2
    assert all(a < b for rows in found.values() for a, b in pairwise(rows))
