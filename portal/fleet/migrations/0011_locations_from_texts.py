"""The texts that people entered as locations become the list of each site.

A migration of its own: PostgreSQL does not alter a table whose rows were written in the same
transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from django.db import migrations

from portal.fleet.natural_order import natural_key

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_AT_ONCE: Final = 1_000


def _fill(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    devices = apps.get_model("fleet", "Device")._default_manager
    locations = apps.get_model("fleet", "InstallationLocation")._default_manager
    said = devices.exclude(location_text="").select_related("gateway").order_by("pk")
    last = 0
    while chunk := list(said.filter(pk__gt=last)[:_AT_ONCE]):
        for device in chunk:
            device.location, _ = locations.get_or_create(
                site_id=device.gateway.site_id,
                name=device.location_text,
                defaults={"sort_key": natural_key(device.location_text)},
            )
        devices.bulk_update(chunk, ["location"])
        last = chunk[-1].pk


def _write_back(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    devices = apps.get_model("fleet", "Device")._default_manager
    for location in apps.get_model("fleet", "InstallationLocation")._default_manager.all():
        devices.filter(location=location).update(location_text=location.name)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("fleet", "0010_installation_locations")]

    operations: ClassVar = [migrations.RunPython(_fill, _write_back)]
