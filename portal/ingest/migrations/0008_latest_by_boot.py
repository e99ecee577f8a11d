"""Latest values know which box took them, in which boot and when since boot."""

import django.db.models.deletion
from django.db import migrations, models

_CLOCKS = (
    "UPDATE ingest_latest SET clock_id = (SELECT s.clock_id FROM {table} s "
    "WHERE s.series_id = ingest_latest.series_id AND s.at = ingest_latest.at) "
    "WHERE clock_id IS NULL"
)
# 1 << 40 is `cloud_link.limits.SEQ_LIMIT`. Clocks below 0 are hints and estimates.
_RANKS = (
    "UPDATE ingest_latest SET "
    "speaker = (SELECT c.box_id FROM ingest_bootclock c WHERE c.id = clock_id), "
    'rank = (SELECT (CASE WHEN c."order" > 0 THEN (c."order" >> 40) << 40 ELSE 0 END) '
    "| (CASE WHEN at - c.offset_ms BETWEEN 0 AND (CAST(1 AS bigint) << 40) - 1 "
    "THEN at - c.offset_ms ELSE 0 END) FROM ingest_bootclock c WHERE c.id = clock_id) "
    "WHERE clock_id IN (SELECT id FROM ingest_bootclock)"
)


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0007_contested_epochs"),
    ]

    operations = [
        migrations.AddField(
            model_name="latest",
            name="clock",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                to="ingest.bootclock",
            ),
        ),
        migrations.AddField(
            model_name="latest",
            name="speaker",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="latest",
            name="rank",
            field=models.BigIntegerField(db_default=-1, default=-1),
        ),
        migrations.RunSQL(_CLOCKS.format(table="ingest_sample"), migrations.RunSQL.noop),
        migrations.RunSQL(_CLOCKS.format(table="ingest_textsample"), migrations.RunSQL.noop),
        migrations.RunSQL(_RANKS, migrations.RunSQL.noop),
    ]
