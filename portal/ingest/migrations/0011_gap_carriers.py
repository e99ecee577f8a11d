"""The record that announced a gap, and whether it is disputed."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ingest", "0010_time_quality")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="gap",
            name="carrier_epoch",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="ingest.epoch",
            ),
        ),
        migrations.AddField(
            model_name="gap", name="carrier_seq", field=models.BigIntegerField(null=True)
        ),
        migrations.AddField(
            model_name="gap", name="disputed", field=models.BooleanField(default=False)
        ),
    ]
