"""What the command line may ask of the running daemon."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cloud_link.spool.model import SpoolError
from config.finding import ConfigError
from config.model import Device, canonical, digest
from drivers.report import Report, gravest
from gateway.clock import boot_bytes
from gateway.configuration.loader import KeepingError, LoadingError
from gateway.control.client import ControlError
from gateway.control.server import Command
from gateway.health.spool_stats import outbox
from gateway.link.certificate import lasting
from gateway.polling.devices import DeviceError, url_step
from gateway.version import software

if TYPE_CHECKING:
    from drivers.driver import Writes
    from drivers.modbus.profile_store import Shelf
    from gateway.daemon import Daemon


class Requests:
    """The daemon's answers. Every result is made of JSON values."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def commands(self) -> Mapping[str, Command]:
        """By the name a client asks for."""
        return {
            "status": self.status,
            "outbox": self.outbox,
            "devices": self.devices,
            "read": self.read,
            "why": self.why,
            "setting": self.setting,
            "write": self.write,
            "apply": self.apply,
            "bus": self.bus,
            "reload": self.reload,
            "configuration": self.configuration,
            "stop": self.stop,
        }

    async def status(self, _: Mapping[str, Any]) -> Any:
        """Link, spool, devices and lines, at a glance."""
        daemon = self._daemon
        now = daemon.ground.clock.now()
        clock = daemon.clock()
        certificate = lasting(daemon.link.ends_at, clock, now)
        return {
            "box": daemon.box,
            "label": daemon.configuration.gateway.label,
            "software": software(),
            "running_s": (now - daemon.started_at) // 1000,
            "clock_known": clock.offset is not None,
            "configuration": digest(daemon.configuration).hex(),
            "link": daemon.link.to_json(),
            "certificate": certificate.to_json() if certificate else None,
            "metrics": daemon.metrics.to_json() if daemon.metrics else None,
            "spool": await self.outbox({}),
            "devices": await self.devices({}),
            "lines": {
                key: {"polls": c.polls, "failed": c.failed, "missed": c.missed}
                for key, c in sorted(daemon.poller.counts.items())
            },
        }

    async def outbox(self, _: Mapping[str, Any]) -> Any:
        """What waits, what was dropped, how old the oldest is."""
        clock = self._daemon.ground.clock
        try:
            stats = await self._daemon.writer.call(lambda spool: spool.stats())
        except SpoolError as error:
            what, step = "the spool cannot be looked at", "look at the disk and at the daemon's log"
            raise ControlError(what, why=str(error), next_step=step) from error
        return outbox(stats, boot_bytes(clock.boot_id), clock.now())

    async def devices(self, _: Mapping[str, Any]) -> Any:
        """Every configured device with its latest state."""
        daemon = self._daemon
        now, latest = daemon.ground.clock.now(), daemon.device_reports()
        return [
            _device(device, latest.get(device.name), daemon.refused.get(device.name, ""), now)
            for device in daemon.configuration.devices
        ]

    async def bus(self, _: Mapping[str, Any]) -> Any:
        """Every line: how busy, and how its devices answer."""
        from gateway.configuration.checks import by_line
        from gateway.control.bus_stats import as_asked, figures

        daemon = self._daemon
        configured = by_line(daemon.configuration, daemon.shelf)
        found = as_asked(configured, daemon.poller.drivers)
        now = daemon.ground.clock.now()
        return figures(found, daemon.site.lines, daemon.poller.next_polls, now)

    async def read(self, arguments: Mapping[str, Any]) -> Any:
        """Read a device now: ``name`` of a configured one, or ``url`` of any."""
        from drivers.report_json import dumps, to_json

        url, device = self._meant(arguments)
        try:
            report = await self._read(url, device)
        except DeviceError as error:
            what = "this device cannot be read"
            raise ControlError(what, where=url, why=str(error), next_step=url_step(url)) from error
        # As text: the report's own JSON is exact to the digit, which a float would not be.
        return {"report": dumps(to_json(report))}

    async def why(self, arguments: Mapping[str, Any]) -> Any:
        """The latest report of a device, with when each condition began; `read` of another one."""
        from drivers.report_json import dumps, to_json

        url, device = self._meant(arguments)
        latest = self._daemon.device_reports().get(device.name) if device else None
        told = await self.read(arguments) if latest is None else {"report": dumps(to_json(latest))}
        return told | {"url": url}

    async def setting(self, arguments: Mapping[str, Any]) -> Any:
        """What writing ``setting`` of a device to ``value`` would change; writes nothing."""
        from gateway.control.writing import look

        url, device = self._meant(arguments)
        writes = await self._writes(url, device)
        name, value = str(arguments.get("setting")), str(arguments.get("value"))
        return await look(writes, name, value, device.name if device else url)

    async def write(self, arguments: Mapping[str, Any]) -> Any:
        """Write ``setting`` of a device to ``value``, on behalf of ``who``."""
        from gateway.control.writing import write

        url, device = self._meant(arguments)
        writes = await self._writes(url, device)
        return await write(
            writes,
            str(arguments.get("setting")),
            str(arguments.get("value")),
            state=self._daemon.ground.state,
            who=str(arguments.get("who", "")),
            device=device.name if device else url,
        )

    def _meant(self, arguments: Mapping[str, Any]) -> tuple[str, Device | None]:
        """The URL that ``name`` or ``url`` means, and the configured device there."""
        name, url = arguments.get("name"), arguments.get("url")
        known = {device.name: device for device in self._daemon.configuration.devices}
        if name is None:
            return str(url), next((d for d in known.values() if d.url == url), None)
        device = known.get(str(name))
        if device is None:
            raise ControlError(
                f"no device is named {name!r}",
                where="the running configuration",
                next_step="see `kanmon device list`, or give the device's URL",
            )
        return device.url, device

    async def _shelf(self, url: str, device: Device | None) -> Shelf:
        try:
            return self._daemon.shelf if device else await self._daemon.loader.shelf(url)
        except LoadingError as error:
            raise DeviceError((str(error),)) from error

    async def _writes(self, url: str, device: Device | None) -> Writes:
        try:
            return self._daemon.site.writer(url, await self._shelf(url, device))
        except DeviceError as error:
            what = "this device cannot be written"
            raise ControlError(what, where=url, why=str(error), next_step=url_step(url)) from error

    async def _read(self, url: str, device: Device | None) -> Report:
        daemon = self._daemon
        shelf = await self._shelf(url, device)
        return await daemon.site.read_once(url, device, shelf, daemon.clock())

    async def apply(self, arguments: Mapping[str, Any]) -> Any:
        """Let the file's ``text`` run from now on; nothing changes if it cannot be used."""
        text, file = str(arguments.get("text", "")), str(arguments.get("file", "configuration"))
        daemon = self._daemon
        try:
            loaded, later = await daemon.change(text.encode(), file)
        except ConfigError as error:
            step = "correct what is listed, then run the command again"
            refusal = ControlError("the configuration cannot be used", where=file, next_step=step)
            refusal.findings = [finding.to_json() for finding in error.findings]
            raise refusal from error
        except KeepingError as error:
            raise ControlError(
                f"the configuration cannot be kept: {error}",
                where=str(daemon.ground.state),
                next_step="make room on the disk; the old configuration still runs",
            ) from error
        except LoadingError as error:
            raise ControlError(
                "the configuration cannot be looked at",
                where=file,
                why=str(error),
                next_step="try again; the old configuration still runs",
            ) from error
        return {"digest": digest(loaded.configuration).hex(), "at_next_start": later}

    async def reload(self, _: Mapping[str, Any]) -> Any:
        """Apply the file in the state folder again, as SIGHUP does."""
        await self._daemon.reload()
        return {"digest": digest(self._daemon.configuration).hex()}

    async def configuration(self, _: Mapping[str, Any]) -> Any:
        """What runs now; secrets are references."""
        return json.loads(canonical(self._daemon.configuration))

    async def stop(self, _: Mapping[str, Any]) -> Any:
        """End the daemon in good order."""
        self._daemon.stop()
        return {}


def _device(device: Device, report: Report | None, refused: str, now: int) -> dict[str, Any]:
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
        else {"code": worst.code, "severity": worst.severity, "message": worst.message},
        "reported_s": (now - report.at) // 1000 if report else None,
        "problem": refused,
    }
