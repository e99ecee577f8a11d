"""When a device was heard last, by the portal's clock."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("fleet", "0006_rows_that_pages_look_at")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="device",
            name="last_heard_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
