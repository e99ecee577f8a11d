"""Numbers whose records were sent again, and numbers under which another record came."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ingest", "0013_gap_spans")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="receipt",
            name="contested",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.CreateModel(
            name="Renumbering",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("lane", models.SmallIntegerField()),
                ("ranges", models.JSONField()),
                ("carrier_seq", models.BigIntegerField(null=True)),
                ("disputed", models.BooleanField(default=False)),
                (
                    "carrier_epoch",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="ingest.epoch",
                    ),
                ),
                (
                    "epoch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="renumberings",
                        to="ingest.epoch",
                    ),
                ),
            ],
        ),
    ]
