"""What an organization has at its sites, and what state it is in.

::

    Organization -- DeviceGroup* what people sort devices by, across sites
    `-- Site                     where; its time zone is the one that billing knows
        |-- InstallationLocation*    where devices stand there, in its people's words
        `-- Gateway              as the customer's records have it; stays when a box is replaced
            |-- Box*             the hardware that speaks for it, by the name in its certificate
            |-- RunningConfiguration*    newest last
            `-- Device*          what it reads
                |-- DeviceCondition*     open ones and their history
                `-- DeviceSupply*

A page reads through ``objects.visible_to(user)``; the ingest, which no person asked, does not.
Times are UTC; a ``..._clock`` beside one is the id of the `portal.ingest.models.BootClock` that
dated it, so that it is dated anew when that clock is put right. An *order* grows with (epoch
ordinal, sequence number), see `portal.ingest.messages.order`: a late, older report never
overwrites what a newer one said.

May be imported by every app above it.

Source: design sections 2 and 8; requirement C-17.
"""

from portal.fleet.models.devices import (
    BY_GRAVITY,
    GATEWAY_DEVICE,
    LINK,
    Device,
    DeviceCondition,
    DeviceGroup,
    DeviceSupply,
    RunningConfiguration,
    severity_rank,
)
from portal.fleet.models.sites import UNHEARD, Box, Gateway, InstallationLocation, Site

__all__ = [
    "BY_GRAVITY",
    "GATEWAY_DEVICE",
    "LINK",
    "UNHEARD",
    "Box",
    "Device",
    "DeviceCondition",
    "DeviceGroup",
    "DeviceSupply",
    "Gateway",
    "InstallationLocation",
    "RunningConfiguration",
    "Site",
    "severity_rank",
]
