"""When a device was heard last, by the portal's clock."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations, models
from django.db.models import F
from django.utils import timezone


def as_reported(apps: Any, _schema_editor: object) -> None:
    """Take what the gateway's clock said, where it lies in the past: nothing better is known."""
    devices = apps.get_model("fleet", "Device").objects.filter(
        reachability__in=("online", "silent_as_expected"), reported_at__lte=timezone.now()
    )
    devices.update(last_heard_at=F("reported_at"))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("fleet", "0006_rows_that_pages_look_at")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="device",
            name="last_heard_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunPython(as_reported, migrations.RunPython.noop),
    ]
