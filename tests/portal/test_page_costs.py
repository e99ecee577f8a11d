"""No page makes the database look at more rows because a box has named more things."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloud_link import limits
from portal.fleet import considered
from portal.monitoring import device, device_status, series_chart
from portal.usage import consumption
from tests.portal.test_hostile_values import name_things, pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from tests.portal.web.seed import SeedIds

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.timeout(600)]

_STEPS: Final = 100
"""SQLite's virtual machine reports every so many instructions."""


@dataclass
class Cost:
    """What a page made the database do: instructions on SQLite, rows on PostgreSQL."""

    work: int = 0


@contextmanager
def measured() -> Iterator[Cost]:
    cost = Cost()
    if connection.vendor == "sqlite":

        def count() -> int:
            cost.work += _STEPS
            return 0

        connection.ensure_connection()
        connection.connection.set_progress_handler(count, _STEPS)
        try:
            yield cost
        finally:
            connection.connection.set_progress_handler(None, 0)
        return
    with CaptureQueriesContext(connection) as queries:
        yield cost
    with connection.cursor() as cursor:
        for query in list(queries):
            if query["sql"].startswith("SELECT"):
                cursor.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + query["sql"])
                (plan,) = cursor.fetchone()
                cost.work += _rows((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])


def _rows(plan: dict[str, Any]) -> int:
    """The rows that a plan has looked at, without those that it made of others."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    below = plan.get("Plans", [])
    return int(own * plan["Actual Loops"]) + sum(_rows(each) for each in below)


def costs(client: Client, every: list[str]) -> dict[str, int]:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # In tables as small as these, reading all rows would be cheaper than an index.
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
            cursor.execute("ANALYZE")
    found = {}
    for page in every:
        with measured() as cost:
            response = client.get(page)
            assert response.status_code < 500, page
            if response.streaming:
                b"".join(response)
        found[page] = cost.work
    return found


def test_no_page_looks_at_more_because_more_is_named(
    owner: Client, seeded: SeedIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(considered, "DEVICES_OF_A_GATEWAY", 40)
    monkeypatch.setattr(considered, "DEVICES_IN_ALL", 60)
    monkeypatch.setattr(device_status, "SERIES", 40)
    monkeypatch.setattr(device, "SERIES", 40)
    monkeypatch.setattr(device, "_READINGS", 40)
    monkeypatch.setattr(series_chart, "_OFFERED", 40)
    monkeypatch.setattr(series_chart, "_GAPS", 40)
    monkeypatch.setattr(series_chart, "_COUNTED", 40)
    monkeypatch.setattr(consumption, "SERIES_LOOKED_AT", 40)
    every = [page for page in pages(seeded) if "?series=" not in page]
    name_things(seeded, 0, 110, sites=False, at_once=limits.CONDITIONS_LIMIT)
    before = costs(owner, every)
    name_things(seeded, 110, 440, sites=False, at_once=limits.CONDITIONS_LIMIT)
    after = costs(owner, every)
    grown = {
        page: (before[page], after[page])
        for page in every
        if after[page] > 1.5 * before[page] + 5_000  # what is four times as much costs more
    }
    assert not grown
