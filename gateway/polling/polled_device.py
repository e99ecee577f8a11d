"""One device to poll, and what its line keeps of it between two polls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from drivers.report import Observation
from gateway.polling.backoff import Backoff
from gateway.polling.device_state import DeviceView
from gateway.polling.schedule import DeviceSchedule


class Reader(Protocol):
    """A driver, as the poller sees it (`drivers.driver.Driver`)."""

    async def read(self, due: frozenset[str]) -> Observation:
        """Read the poll groups in ``due``; raises `protocols.errors.ProtocolError` only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledDevice:
    """One device to poll.

    Attributes:
        name: The installation's name for it.
        line: The shared line it is on.
        periods: Milliseconds of each poll group.
        open: Makes its driver; called again after a fault.
        drain_ms: How long its line is left alone after it did not answer.
        settings: Whatever tells whether it is still the same device with the same settings.
    """

    name: str
    line: str
    periods: Mapping[str, int]
    open: Callable[[], Reader]
    drain_ms: int = 0
    settings: object = None


@dataclass(slots=True, eq=False)
class PollEntry:
    """A device in its line's schedule, from one `Poller.apply` that names it to one that does not.

    Attributes:
        device: What is polled.
        number: How many devices came to the line before it.
        schedule: When each of its poll groups is due.
        view: What is known of it.
        backoff: How long it is left alone while it does not answer.
        driver: What reads it; ``None`` before its first poll and after a fault.
        ended: When its last poll ended, in milliseconds since boot; ``None`` before the first.
    """

    device: PolledDevice
    number: int
    schedule: DeviceSchedule
    view: DeviceView
    backoff: Backoff = field(default_factory=Backoff)
    driver: Reader | None = None
    ended: int | None = None

    @property
    def silent(self) -> bool:
        """Whether its last poll failed, so that it is only probed."""
        return self.backoff.failures > 0
