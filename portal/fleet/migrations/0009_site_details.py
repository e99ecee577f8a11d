"""What administrators say of a site: address, contact, coordinates, closing day."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.db import migrations, models
from django.db.models import Q

_COLUMNS: Final[tuple[tuple[str, models.Field[Any, Any]], ...]] = (
    ("country", models.CharField(blank=True, default="", max_length=2)),
    ("postal_code", models.CharField(blank=True, default="", max_length=16)),
    ("prefecture", models.CharField(blank=True, default="", max_length=100)),
    ("city", models.CharField(blank=True, default="", max_length=100)),
    ("street", models.CharField(blank=True, default="", max_length=200)),
    ("contact", models.CharField(blank=True, default="", max_length=100)),
    ("phone", models.CharField(blank=True, default="", max_length=32)),
    ("latitude", models.DecimalField(blank=True, decimal_places=6, max_digits=8, null=True)),
    ("longitude", models.DecimalField(blank=True, decimal_places=6, max_digits=9, null=True)),
    ("closing_day", models.PositiveSmallIntegerField(default=31)),
    ("revision", models.PositiveIntegerField(default=0)),
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("fleet", "0008_natural_order")]

    operations: ClassVar = [
        *(
            migrations.AddField(model_name="site", name=name, field=field)
            for name, field in _COLUMNS
        ),
        migrations.AddConstraint(
            model_name="site",
            constraint=models.CheckConstraint(
                condition=Q(closing_day__range=(1, 31)), name="site_closing_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="site",
            constraint=models.CheckConstraint(
                condition=Q(latitude=None, longitude=None)
                | Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__range=(-180, 180),
                ),
                name="site_coordinates",
            ),
        ),
    ]
