"""The addresses of `portal.permissions`, each with ids of what a test seeded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse

from portal.fleet.models import Device

if TYPE_CHECKING:
    from tests.portal.web.seed import SeedIds


def address_of(name: str, seeded: SeedIds, *, foreign: bool = False) -> str:
    """An address by its name in `portal.permissions`; ``foreign``: of another organization."""
    device = seeded.foreign_meter if foreign else seeded.meter
    series = seeded.foreign_power if foreign else seeded.power
    gateway = Device.objects.get(pk=device).gateway
    group, _ = gateway.site.organization.device_groups.get_or_create(name="3F")
    arguments: dict[str, dict[str, Any]] = {
        "site": {"site": gateway.site_id},
        "site-live": {"site": gateway.site_id},
        "gateway": {"gateway": gateway.pk},
        "gateway-live": {"gateway": gateway.pk},
        "sign-in-link": {"token": "no-such-token"},
        "code-help": {"number": 2105},
        "key-revoke": {"key": seeded.foreign_key if foreign else seeded.key},
        "device": {"device": device},
        "device-live": {"device": device},
        "device-edit": {"device": device},
        "group": {"group": group.pk},
        "group-delete": {"group": group.pk},
        "chart": {"device": device, "series": series},
        "device-usage": {"device": device},
        "device-usage-live": {"device": device},
        "site-usage": {"site": gateway.site_id},
    }
    return reverse(name, kwargs=arguments.get(name))
