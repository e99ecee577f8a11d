"""The texts of locations are gone; the list of each site has them."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("fleet", "0011_locations_from_texts")]

    operations: ClassVar = [migrations.RemoveField("device", "location_text")]
