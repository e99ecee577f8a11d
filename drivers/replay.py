"""A driver over a capture or a walk: the report that the device's own words become.

What the tests of all profiles compare with the reviewed report beside the capture, and what
``scripts/capture report`` prints for the review.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from config.finding import Finding
from console.templates.profile import UNKNOWN
from drivers.context import DriverContext, ProfileError
from drivers.device_url import DeviceUrl
from drivers.lines import Lines
from drivers.registry import DRIVERS
from drivers.report import Clock, Identity, Observation, Reachability, Report, State
from protocols.modbus.replay import ReplayWire

if TYPE_CHECKING:
    from drivers.context import ProfileStore
    from protocols.modbus.capture import Capture
    from protocols.snmp.model import Agent

AT: Final = 1000
"""Every transaction of a replay takes place at this millisecond since boot."""
CLOCK: Final = Clock(boot="0" * 32, offset=None)


class _NoProfiles:
    """The `drivers.context.ProfileStore` of a family without profiles."""

    def profile(self, name: str) -> object:
        raise ProfileError((Finding(what=UNKNOWN(name=name)),))


async def report_of(name: str, capture: Capture, profiles: ProfileStore) -> Report:
    """What the profile ``name`` makes of a capture when every group is due.

    Args:
        name: The profile's name.
        capture: What the device said.
        profiles: Where the profile is.

    Raises:
        ProfileError: There is no such profile.
        ProtocolError: The capture does not hold what the profile reads.
    """
    unit = capture.entries[0].unit
    url = f"modbus-tcp://replay/?unit={unit}&profile={name}"
    return await _read(name, url, Lines(lambda _wire: ReplayWire.of(capture)), profiles)


async def report_of_agent(name: str, agent: Agent) -> Report:
    """What the driver of printers makes of an agent, or of a walk of one, when every group is due.

    Raises:
        ProtocolError: It is no printer's, or does not answer.
    """
    return await _read(name, "snmp://replay/", Lines(lambda _agent: agent), _NoProfiles())


async def _read(name: str, text: str, lines: Lines, profiles: ProfileStore) -> Report:
    url = DeviceUrl.parse(text)
    kind = DRIVERS[url.scheme]
    driver = kind.open(url, DriverContext(lines=lines, now=lambda: AT, profiles=profiles))
    return _report(name, await driver.read(frozenset(kind.poll_groups(url, profiles))))


def _report(name: str, seen: Observation) -> Report:
    return Report(
        device=name,
        at=AT,
        clock=CLOCK,
        reachability=Reachability.ONLINE,
        state=seen.state or State.OTHER,
        identity=seen.identity or Identity(),
        readings=seen.readings,
        conditions=seen.conditions or (),
        supplies=seen.supplies or (),
    )
