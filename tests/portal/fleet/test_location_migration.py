"""The texts that people had entered as locations become the lists of their sites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from portal.accounts.models import Organization

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.apps.registry import Apps

BEFORE: Final = [("fleet", "0009_site_details")]
AFTER: Final = [("fleet", "0012_location_texts_removed")]
SAID: Final = {"Plant": ["3F", "3F", "", "10F"], "Shop": ["3F"]}


def _migrate(targets: list[tuple[str, str]]) -> Apps:
    MigrationExecutor(connection).migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


@pytest.fixture
def _all_migrations(transactional_db: None) -> Iterator[None]:
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.database
@pytest.mark.usefixtures("_all_migrations")
def test_texts_become_the_lists_of_their_sites_and_texts_again() -> None:
    old: Any = _migrate(BEFORE)
    owner = Organization.objects.create(name="Aoyama Foods")
    for site_name, texts in SAID.items():
        site = old.get_model("fleet", "Site").objects.create(
            organization_id=owner.pk, name=site_name, time_zone="Asia/Tokyo"
        )
        gateway = old.get_model("fleet", "Gateway").objects.create(site=site, name="Roof")
        for number, text in enumerate(texts):
            gateway.devices.create(name=f"d{number}", location=text)
    new: Any = _migrate(AFTER)
    for site in new.get_model("fleet", "Site").objects.all():
        names = [one.name for one in site.installation_locations.order_by("sort_key")]
        assert names == {"Plant": ["3F", "10F"], "Shop": ["3F"]}[site.name]
        devices = new.get_model("fleet", "Device").objects.filter(gateway__site=site).order_by("pk")
        found = [one.location for one in devices.select_related("location")]
        assert [one.name if one else "" for one in found] == SAID[site.name]
        assert all(one.site_id == site.pk for one in found if one)
    again: Any = _migrate(BEFORE)
    texts = again.get_model("fleet", "Device").objects.order_by("pk")
    assert list(texts.values_list("location", flat=True)) == [*SAID["Plant"], *SAID["Shop"]]
