"""A meter at a site of the seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.fleet.models import Device
from tests.portal.usage.meters import meter

if TYPE_CHECKING:
    from tests.portal.web.seed import SeedIds


@pytest.fixture
def site(seeded: SeedIds) -> int:
    return Device.objects.get(pk=seeded.meter).gateway.site_id


@pytest.fixture
def device(site: int) -> Device:
    return meter(site, "Sum of lights")
