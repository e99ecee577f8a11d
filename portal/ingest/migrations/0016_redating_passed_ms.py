"""How far a correction of a clock is within a series."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ingest", "0015_receipts_by_the_portal")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="redating", name="passed_ms", field=models.BigIntegerField(null=True)
        ),
    ]
