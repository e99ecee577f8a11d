"""What reached the portal of the demonstration's own gateways, from its database. A process.

    python -m scripts.demonstration.arrivals FOLDER

Prints JSON: each device with its latest readings, and how many samples, quarantined records and
gaps the portal has. Gateways that somebody added are left out.
"""

from __future__ import annotations

import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from provisioning.identity import box_id
from scripts.demonstration.sites import GATEWAYS


def collect(folder: Path) -> dict[str, Any]:
    """The devices of the gateways whose state is in the demonstration's folder, by name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    from drivers.report import Quantity
    from portal.fleet.models import Device
    from portal.ingest.models import Gap, Latest, Quarantine, Sample

    boxes = [box_id(folder / gateway.state) for gateway in GATEWAYS]
    devices: dict[str, Any] = {}
    for device in Device.objects.filter(gateway__boxes__box_id__in=boxes).order_by("id"):
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
            "id": device.pk,
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
    json.dump(collect(Path(sys.argv[1])), sys.stdout)
