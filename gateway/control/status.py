"""The commands that show the state of the running gateway, and what they read of it.

Texts for people in the results are messages, or null (`gateway.control.protocol`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from cloud_link.spool.model import SpoolError
from config.model import digest
from console.templates import control
from console.text import NO_MESSAGE, Message
from drivers.report import gravest
from gateway.control.next_steps import next_step
from gateway.control.protocol import ControlError, cause
from gateway.health.health import NAME
from gateway.health.spool_stats import outbox
from gateway.intake.corrections import Corrections
from gateway.link.certificate import validity
from gateway.version import software

if TYPE_CHECKING:
    from cloud_link.spool.writer import SpoolReader
    from config.model import Configuration, Device
    from drivers.context import ProfileStore
    from drivers.lines import Lines
    from drivers.report import Report
    from gateway.clock import BoxClock
    from gateway.polling.line_poller import LineCounts
    from gateway.polling.polled_device import Reader
    from gateway.polling.poller import NextPoll

_UNCORRECTED: Final = Corrections()


class Settings(Protocol):
    """What runs now, as `gateway.configuration.running.ActiveConfiguration` holds it."""

    @property
    def configuration(self) -> Configuration:
        """The settings."""

    @property
    def profiles(self) -> ProfileStore:
        """The profiles that its devices name."""


class PollerState(Protocol):
    """How polling goes, as `gateway.polling.poller.Poller` says it."""

    @property
    def counts(self) -> Mapping[str, LineCounts]:
        """The polls of each line, by its key."""

    @property
    def drivers(self) -> Mapping[str, Reader]:
        """The drivers that are open, by their devices' names."""

    @property
    def next_polls(self) -> Mapping[str, NextPoll]:
        """When each device may be polled next, by name."""


class LinkState(Protocol):
    """How the link to the portal is, as `gateway.link.link.Link` says it."""

    @property
    def expires_at(self) -> int | None:
        """When the box's certificate expires, Unix milliseconds; ``None`` without one."""

    def to_json(self) -> dict[str, Any]:
        """The link's state, as JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingView:
    """What is read of the devices and their lines.

    Attributes:
        settings: What is configured.
        poller: How polling goes.
        lines: The lines that are open.
        reports: The latest report of each device, by name.
        refused: By name, why a configured device cannot be polled.
        corrections: By name, what of a device was not sent as it was read.
    """

    settings: Settings
    poller: PollerState
    lines: Lines
    reports: Mapping[str, Report]
    refused: Callable[[], Mapping[str, Message]]
    corrections: Mapping[str, Corrections]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """What these commands read of the running gateway.

    Attributes:
        box: The box id.
        started_at: When the daemon began, milliseconds since boot.
        clock: The box's clocks.
        polling: Devices and lines.
        spool: Asked for its statistics.
        link: The link to the portal.
        metrics: Where metrics are served, as JSON values; ``None`` where they are not.
    """

    box: str
    started_at: int
    clock: BoxClock
    polling: PollingView
    spool: SpoolReader
    link: LinkState
    metrics: Callable[[], dict[str, Any] | None]


class StatusCommands:
    """The gateway at a glance; every result is made of JSON values."""

    def __init__(self, view: StatusView) -> None:
        self._view = view

    async def status(self) -> dict[str, Any]:
        """Link, spool, devices and lines."""
        view, configuration = self._view, self._view.polling.settings.configuration
        now, clock = view.clock.now(), view.clock.clock()
        certificate = validity(view.link.expires_at, clock, now)
        return {
            "box": view.box,
            "label": configuration.gateway.label,
            "software": software(),
            "running_s": (now - view.started_at) // 1000,
            "clock_known": clock.offset is not None,
            "conditions": _own_conditions(view.polling.reports.get(NAME)),
            "configuration": digest(configuration).hex(),
            "link": view.link.to_json(),
            "certificate": certificate.to_json() if certificate else None,
            "metrics": view.metrics(),
            "spool": await self.outbox(),
            "devices": await self.devices(),
            "lines": {
                key: {"polls": c.polls, "failed": c.failed, "missed": c.missed}
                for key, c in sorted(view.polling.poller.counts.items())
            },
        }

    async def outbox(self) -> dict[str, Any]:
        """The records that wait or were dropped, and the age of the oldest.

        Raises:
            ControlError: The spool cannot be read.
        """
        clock = self._view.clock
        try:
            stats = await self._view.spool.call(lambda spool: spool.stats())
        except SpoolError as error:
            raise ControlError(
                control.SPOOL_NOT_READ(), why=cause(error), next_step=control.CHECK_DISK_AND_LOG()
            ) from error
        return outbox(stats, clock.boot, clock.now())

    async def devices(self) -> list[dict[str, Any]]:
        """Every configured device with its latest state."""
        polling, now = self._view.polling, self._view.clock.now()
        refused = polling.refused()
        return [
            {
                **_device(
                    device,
                    polling.reports.get(device.name),
                    refused.get(device.name, NO_MESSAGE),
                    now,
                ),
                "not_sent": polling.corrections.get(device.name, _UNCORRECTED).to_json(),
            }
            for device in polling.settings.configuration.devices
        ]

    async def bus(self) -> list[dict[str, Any]]:
        """Every line: how busy it is, and how its devices answer."""
        from gateway.configuration.checks import by_line
        from gateway.control.bus_stats import as_planned, bus_stats

        polling = self._view.polling
        configured = by_line(polling.settings.configuration, polling.settings.profiles)
        found = as_planned(configured, polling.poller.drivers)
        return bus_stats(found, polling.lines, polling.poller.next_polls, self._view.clock.now())


def _own_conditions(report: Report | None) -> list[dict[str, Any]]:
    """The conditions of the gateway itself, the gravest first, as JSON values."""
    conditions = report.conditions if report else ()
    return [
        {
            "code": condition.code,
            "severity": condition.severity,
            "message": condition.message.to_json(),
            "next": step.to_json() if (step := next_step(condition)) else None,
        }
        for condition in sorted(conditions, key=lambda one: one.severity.rank)
    ]


def _device(device: Device, report: Report | None, refused: Message, now: int) -> dict[str, Any]:
    worst = gravest(report.conditions) if report else None
    return {
        "name": device.name,
        "label": device.label,
        "url": device.url,
        "every_s": device.every_s,
        "reachability": report.reachability.value if report else "never",
        "state": report.state.value if report else "other",
        "gravest": None
        if worst is None
        else {
            "code": worst.code,
            "severity": worst.severity,
            "message": worst.message.to_json(),
        },
        "reported_s": (now - report.at) // 1000 if report else None,
        "problem": refused.to_json() if refused else None,
    }
