"""What the portal's pages cost beside a box that names very many devices, on SQLite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from scripts.benchmarks.figures import Figure

_ROOT: Final = Path(__file__).resolve().parents[2]
_PAGES: Final = ("/", "/live/", "/devices/", "/devices/?q=7f", "/gateways/", "/sites/")
_FEW: Final = 50
_MANY: Final = 100_000
_REQUESTS: Final = 5


def measure(scale: float = 1.0) -> list[Figure]:
    """Each page with few devices and with very many: time, size, queries."""
    many = max(1000, int(_MANY * scale))
    few, much = _run(_FEW), _run(many)
    return [
        Figure(
            name=f"{page}, {_FEW} and {many:,} devices",
            value=f"{_said(few[page])}; {_said(much[page])}",
            aim="no more bytes and queries",
            met=much[page]["bytes"] < 2 * few[page]["bytes"]
            and much[page]["queries"] <= few[page]["queries"] + 1,
        )
        for page in _PAGES
    ]


def _said(cost: dict[str, float]) -> str:
    return f"{cost['ms']:.0f} ms, {cost['bytes'] / 1000:.0f} kB, {cost['queries']:.0f} queries"


def _run(devices: int) -> dict[str, dict[str, float]]:
    """The median cost of each page, in a process and a portal of its own."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("KANMON")}
        environ |= {"KANMON_PORTAL_STATE": folder, "DJANGO_SETTINGS_MODULE": "portal.settings"}
        environ["KANMON_SECOND_FACTOR"] = "optional"  # the pages are an administrator's
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(devices)],
            cwd=_ROOT,
            env=environ,
            check=True,
            capture_output=True,
            text=True,
        )
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _portal(devices: int) -> dict[str, dict[str, float]]:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    from portal.accounts.models import User

    settings.ALLOWED_HOSTS = ["*"]
    call_command("migrate", interactive=False, verbosity=0)
    _fill(devices)
    client = Client()
    client.force_login(User.objects.get())
    found = {}
    for page in _PAGES:
        statements: list[str] = []

        def count(execute: Any, statement: str, *rest: Any, kept: list[str] = statements) -> Any:
            kept.append(statement)
            return execute(statement, *rest)

        with connection.execute_wrapper(count):
            size = len(client.get(page).content)
        took = []
        for _ in range(_REQUESTS):
            begun = time.perf_counter()
            assert client.get(page).status_code == 200
            took.append(time.perf_counter() - begun)
        ms = sorted(took)[_REQUESTS // 2] * 1000
        found[page] = {"ms": ms, "bytes": size, "queries": len(statements)}
    return found


def _fill(devices: int) -> None:
    """Devices of one box, a counter each, and a condition of every hundredth."""
    from django.utils import timezone

    from portal.accounts.actions import NewUser, add_user
    from portal.accounts.models import Role
    from portal.fleet.models import Device, DeviceCondition
    from portal.fleet.provisioning import GatewayPlacement, ensure_gateway
    from portal.ingest.models import Latest, Series

    now = timezone.now()
    placement = GatewayPlacement(
        organization="O", site="S", time_zone="Asia/Tokyo", gateway="G", box_id="b-0000000001"
    )
    box = ensure_gateway(placement).box
    box.alive, box.last_heard_at = True, now
    box.save()
    add_user(NewUser(email="a@example.com", organization="O", role=Role.ADMINISTRATOR))
    made = Device.objects.bulk_create(
        [
            Device(gateway=box.gateway, name=f"{number:x}", reachability="online", state="ready")
            for number in range(devices)
        ],
        batch_size=500,
    )
    series = Series.objects.bulk_create(
        [Series(device=device, quantity="jobs", resolution=0) for device in made], batch_size=500
    )
    at = int(now.timestamp() * 1000)
    Latest.objects.bulk_create(
        [Latest(series=each, at=at, value=1, quality=0) for each in series], batch_size=500
    )
    DeviceCondition.objects.bulk_create(
        [
            DeviceCondition(device=device, code="media.jam", severity="error", raised_at=now)
            for device in made[::100]
        ],
        batch_size=500,
    )


if __name__ == "__main__":
    print(json.dumps(_portal(int(sys.argv[1]))))
