"""The keys that names are sorted by, LP-2 before LP-10."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from django.db import migrations, models

from portal.fleet.natural_order import natural_key

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_NAMED: Final = {
    "Site": ("name",),
    "Gateway": ("name",),
    "DeviceGroup": ("name",),
    "Device": ("given_name", "label", "name"),
}
_AT_ONCE: Final = 1_000


def _fill(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    for model, sources in _NAMED.items():
        rows = apps.get_model("fleet", model)._default_manager
        last = 0
        while chunk := list(rows.filter(pk__gt=last).order_by("pk")[:_AT_ONCE]):
            for row in chunk:
                said = (getattr(row, source) for source in sources)
                row.sort_key = natural_key(next((name for name in said if name), ""))
            rows.bulk_update(chunk, ["sort_key"])
            last = chunk[-1].pk


class Migration(migrations.Migration):
    dependencies: ClassVar = [("fleet", "0007_device_last_heard_at")]

    operations: ClassVar = [
        *(
            migrations.AddField(
                model_name=model.lower(),
                name="sort_key",
                field=models.TextField(default="", editable=False),
            )
            for model in _NAMED
        ),
        migrations.RunPython(_fill, migrations.RunPython.noop),
        migrations.AlterModelOptions("site", {"ordering": ["sort_key", "id"]}),
        migrations.AlterModelOptions("gateway", {"ordering": ["sort_key", "id"]}),
        migrations.AlterModelOptions("devicegroup", {"ordering": ["sort_key", "id"]}),
        migrations.AlterModelOptions("device", {"ordering": ["sort_key", "id"]}),
    ]
