"""A driver over a capture or a walk: the report that the device's own words become.

What the tests of all profiles compare with the reviewed report beside the capture, and what
``scripts/capture report`` prints for the review.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from drivers.driver import DRIVERS, DeviceUrl, Lines, Surroundings
from drivers.modbus.profile_loader import FolderShelf
from drivers.modbus.profile_store import ReadyShelf
from drivers.report import Clock, Identity, Observation, Reachability, Report, State
from protocols.fakes import ReplayWire

if TYPE_CHECKING:
    from protocols.modbus.capture import Capture
    from protocols.snmp.agent import Agent

AT: Final = 1000
"""Every transaction of a replay takes place at this millisecond since boot."""
CLOCK: Final = Clock(boot="0" * 32, offset=None)


async def report_of(name: str, capture: Capture, folders: tuple[Path, ...] = ()) -> Report:
    """What the profile ``name`` makes of a capture when every group is due.

    Raises:
        ProfileError: There is no such profile.
        ProtocolError: The capture does not hold what the profile reads.
    """
    unit = capture.spoken[0].unit
    url = DeviceUrl.parse(f"modbus-tcp://replay/?unit={unit}&profile={name}")
    kind = DRIVERS[url.scheme]
    shelf = FolderShelf(folders)
    lines = Lines(lambda _wire: ReplayWire.of(capture))
    around = Surroundings(lines=lines, now=lambda: AT, shelf=shelf)
    return _report(name, await kind.open(url, around).read(frozenset(kind.groups(url, shelf))))


async def report_of_agent(name: str, agent: Agent) -> Report:
    """What the driver of printers makes of an agent, or of a walk of one, when every group is due.

    Raises:
        ProtocolError: It is no printer's, or does not answer.
    """
    url = DeviceUrl.parse("snmp://replay/")
    kind = DRIVERS[url.scheme]
    lines = Lines(agents_through=lambda _agent: agent)
    around = Surroundings(lines=lines, now=lambda: AT, shelf=ReadyShelf())
    driver = kind.open(url, around)
    return _report(name, await driver.read(frozenset(kind.groups(url, around.shelf))))


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
