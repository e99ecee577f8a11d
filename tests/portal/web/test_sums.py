"""Sums over integers are exact on both databases, and there is one way to make them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import portal
from portal.fleet.models import Device, Gateway, Site
from portal.web.sums import ExactSum

ROOT = Path(portal.__file__).parent
EDGES = st.sampled_from([-(2**63), 2**63 - 1, -1, 0, 1, 2**32, -(2**32), 2**31])


@pytest.mark.django_db
@pytest.mark.database
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EDGES | st.integers(-(2**63), 2**63 - 1), max_size=12))
def test_a_sum_is_exact_whatever_the_values(gateway: Gateway, values: list[int]) -> None:
    Device.objects.all().delete()
    Device.objects.bulk_create(
        Device(gateway=gateway, name=f"d{index}", event_order=value)
        for index, value in enumerate(values)
    )
    found = Device.objects.aggregate(total=ExactSum("event_order"))["total"]
    assert found == (sum(values) if values else None)


@pytest.fixture
def gateway(db: None) -> Gateway:
    from portal.accounts.models import Organization

    site = Site.objects.create(
        organization=Organization.objects.create(name="O"), name="S", time_zone="Asia/Tokyo"
    )
    return Gateway.objects.create(site=site, name="G")


def test_nothing_else_adds_up_in_the_database() -> None:
    others = []
    for file in sorted(ROOT.rglob("*.py")):
        if file.name == "sums.py":
            continue
        tree = ast.parse(file.read_text())
        names = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django.db")
            for alias in node.names
        }
        texts = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        said = [text for text in texts if re.search(r"\b(SUM|TOTAL|AVG)\s*\(", text)]
        if names & {"Sum", "Avg", "StdDev", "Variance"} or said:
            others.append(str(file.relative_to(ROOT)))
    assert others == []


def test_nothing_else_makes_dates_of_stored_numbers() -> None:
    """`fromtimestamp` raises for what a database can hold; so does ZoneInfo for some names."""
    others = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in sorted(ROOT.rglob("*.py"))
        for name in re.findall(r"fromtimestamp\(|\bZoneInfo\(", file.read_text())
        if file.name != "moments.py"
    ]
    assert others == [
        "usage/periods.py: fromtimestamp(",
        "usage/periods.py: fromtimestamp(",
        "usage/words.py: fromtimestamp(",
    ], "of edges of days between the years 2000 and 2099, and of nothing that is stored"
