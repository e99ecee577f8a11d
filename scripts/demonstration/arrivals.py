"""What reached the portal, from its database, and whether the books agree. Run as a process.

Prints JSON: for each device its readings, and for each lane of the newest epoch how many records
were taken, so that the caller can hold them against what the gateway accepted.
"""

from __future__ import annotations

import json
import os
import sys
from decimal import Decimal
from typing import Any


def collect() -> dict[str, Any]:
    """Devices with their latest readings, and the counts of what was taken."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    from drivers.report import Quantity
    from portal.fleet.models import Device
    from portal.ingest.models import Gap, Latest, Quarantine, Sample

    devices: dict[str, Any] = {}
    for device in Device.objects.order_by("id"):
        readings = [
            {
                "quantity": latest.series.quantity,
                "part": latest.series.part,
                "value": None
                if latest.value is None
                else str(Decimal(latest.value).scaleb(latest.series.resolution)),
                "unit": Quantity(latest.series.quantity).unit,
                "at": latest.at,
            }
            for latest in Latest.objects.filter(series__device=device)
            .select_related("series")
            .order_by("series_id")
        ]
        devices[device.name] = {
            "label": device.label,
            "state": device.state,
            "reachability": device.reachability,
            "readings": readings,
        }
    return {
        "devices": devices,
        "samples": Sample.objects.count(),
        "quarantined": Quarantine.objects.count(),
        "gaps": Gap.objects.count(),
    }


if __name__ == "__main__":
    json.dump(collect(), sys.stdout)
