"""The installation locations of a site, of which a device has one or none."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models
from django.db.models import deletion


class Migration(migrations.Migration):
    dependencies: ClassVar = [("fleet", "0009_site_details")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="InstallationLocation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("sort_key", models.TextField(default="", editable=False)),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=deletion.PROTECT,
                        related_name="installation_locations",
                        to="fleet.site",
                    ),
                ),
            ],
            options={"ordering": ["sort_key", "id"]},
        ),
        migrations.AddConstraint(
            model_name="installationlocation",
            constraint=models.UniqueConstraint(
                fields=("site", "name"), name="location_name_once"
            ),
        ),
        migrations.RenameField("device", "location", "location_text"),
        migrations.AddField(
            model_name="device",
            name="location",
            field=models.ForeignKey(
                null=True,
                on_delete=deletion.SET_NULL,
                related_name="devices",
                to="fleet.installationlocation",
            ),
        ),
    ]
