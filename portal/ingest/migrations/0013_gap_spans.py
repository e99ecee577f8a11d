"""The index by which the gaps around a number are found, without a look at their rows."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ingest", "0012_closed_epochs")]

    operations: ClassVar = [
        migrations.RemoveIndex(model_name="gap", name="gap_last"),
        migrations.AddIndex(
            model_name="gap",
            index=models.Index(
                fields=["epoch", "lane", "last_seq", "first_seq"], name="gap_span"
            ),
        ),
    ]
