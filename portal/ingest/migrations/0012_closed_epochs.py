"""Epochs that their boxes do not know, and epochs of which no record came."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ingest", "0011_gap_carriers")]

    operations: ClassVar = [
        # Those that are known already count as heard of: they may not be folded.
        migrations.AddField(
            model_name="epoch", name="heard", field=models.BooleanField(default=True)
        ),
        migrations.AlterField(
            model_name="epoch", name="heard", field=models.BooleanField(default=False)
        ),
        migrations.AddField(
            model_name="epoch", name="closed", field=models.BooleanField(default=False)
        ),
        migrations.AddIndex(
            model_name="epoch",
            index=models.Index(
                fields=["box", "heard", "closed", "ordinal"], name="epoch_state"
            ),
        ),
    ]
