"""The gateway as it runs: builds the parts, wires them, and takes them down. The only wiring.

::

    lines -- drivers -- Poller --+
                                 +--> Intake (ChangeFilter) --> SpoolWriter <--> Uplink --> broker
    health, clock, configuration-+                                  ^
                                     control socket ----------------+--- status, outbox, read, apply

One TaskGroup holds everything that runs. A stop (SIGTERM, SIGINT, the control socket's ``stop``)
cancels it; then what was read is brought into the spool, and the spool is closed. Whatever was
accepted before a kill -9 is there at the next start.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from cloud_link.records import ClockRecord
from cloud_link.spool.model import Entry, SpoolError
from cloud_link.spool.writer import SpoolWriter
from config.model import Configuration
from config.secrets import read_secret
from gateway.clock import ClockSource, SystemClock, boot_bytes
from gateway.configuration.loader import (
    LoadedConfiguration,
    Loader,
    SendRequest,
    load_in_subprocess,
)
from gateway.configuration.running import ActiveConfiguration
from gateway.control.client import SOCKET
from gateway.control.commands import commands
from gateway.control.configuration_commands import ConfigurationCommands
from gateway.control.device_commands import DeviceAccess, DeviceCommands
from gateway.control.protocol import ControlError
from gateway.control.server import ControlServer
from gateway.control.status import PollingView, StatusCommands, StatusView
from gateway.health.health import NAME, Health
from gateway.health.reporter import HealthReporter, HealthView
from gateway.health.sd_notify import ServiceManager
from gateway.health.spool_stats import spool_limits
from gateway.health.watchdog import Watchdog
from gateway.intake.change_filter import ChangeFilter
from gateway.intake.clock_watch import ClockWatch
from gateway.intake.gateway_records import baseline_records, record_configuration
from gateway.intake.intake import Intake
from gateway.link.link import Link
from gateway.polling.configured import ConfiguredDevices
from gateway.polling.devices import DeviceOpener
from gateway.polling.line_poller import PollClock
from gateway.polling.poller import Poller
from gateway.version import software
from provisioning.identity import box_id
from provisioning.state_folder import SPOOL, close_state

if TYPE_CHECKING:
    from gateway.metrics.endpoint import Endpoint

LOOK_S: Final = 1.0
"""Seconds between two looks at the clocks, and at the box's identity."""
_AUTHOR: Final = "local"

log = structlog.get_logger("kanmon")


class StopError(Exception):
    """Ends the TaskGroup in good order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Where a daemon runs.

    Attributes:
        state: The state folder.
        clock: The clocks.
        manager: The service manager, which is notified.
    """

    state: Path
    clock: ClockSource
    manager: ServiceManager


async def run(
    state: Path, clock: ClockSource | None = None, send: SendRequest = load_in_subprocess
) -> None:
    """Run a gateway until it is told to stop.

    Raises:
        ConfigError: There is no configuration that can be used.
        LoadError: Nobody could read it.
        ExposedError, IdentityError, SpoolError, ControlError: The state folder cannot be used.
    """
    manager = ServiceManager.from_environment(os.environ)
    close_state(state)
    runtime = Runtime(state=state, clock=clock or SystemClock(), manager=manager)
    loader = Loader(state, send)
    loaded = await loader.load()
    for finding in loaded.findings:
        log.error("configuration_rejected", error=str(finding), kept="previous")
    box = box_id(state)
    writer = await SpoolWriter.open(
        state / SPOOL,
        boot=boot_bytes(runtime.clock.boot_id),
        limits=spool_limits(loaded.configuration),
    )
    try:
        daemon = Daemon(runtime, loader, loaded, writer, box)
        await daemon.run()
    except BaseExceptionGroup as group:
        # The first error is the one that ended the others.
        error = _first(group)
        if isinstance(error, ControlError | SpoolError):
            raise error from group
        log.error("internal_error", exc_info=error)
        raise
    finally:
        manager.notify("STOPPING=1")
        await writer.aclose()
        log.info("daemon_stopped", box=box)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a group, however deep."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


class Daemon:
    """A running gateway. Made and run by `run`."""

    def __init__(
        self,
        runtime: Runtime,
        loader: Loader,
        loaded: LoadedConfiguration,
        writer: SpoolWriter,
        box: str,
    ) -> None:
        from drivers.lines import Lines

        now, state = runtime.clock.now, runtime.state
        self._runtime = runtime
        self._box = box
        self._writer = writer
        self._started_at = now()
        self._settings = ActiveConfiguration(loader, loaded, self._changed)
        site, gateway = loaded.configuration.site, loaded.configuration.gateway
        self._link = Link(writer, box, state, boot_bytes(runtime.clock.boot_id), now)
        self._clock = ClockWatch(runtime.clock, writer, self._clock_changed)
        self._change_filter = ChangeFilter(site.zone, gateway.heartbeat_s * 1000)
        self._intake = Intake(self._change_filter, writer, self._baseline, self._link.appended)
        self._poller = Poller(PollClock(now=now, clock=self._clock.clock), self._intake.put)
        self._opener = DeviceOpener(lines=Lines(), now=now, secret=partial(read_secret, state))
        self._devices = ConfiguredDevices(self._opener, self._poller, self._intake.remove)
        self._health = self._make_health()
        self._watchdog = Watchdog(runtime.manager, writer, self._poller.stalled)
        self._status = StatusCommands(self._status_view())
        self._metrics: Endpoint | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until told to stop; the spool is then complete, but not closed."""
        server = self._control_server()
        reachable = asyncio.Event()
        self._on_signals()
        await self._clock.update()
        self._apply_devices()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(server.run(reachable.set), name="control")
                tasks.create_task(self._intake.run(), name="intake")
                tasks.create_task(self._poller.run(), name="poller")
                tasks.create_task(self._look(), name="clock")
                tasks.create_task(self._health.run(), name="health")
                self._tasks = tasks
                self._link.start(tasks, self._settings.configuration.cloud)
                self._serve_metrics()
                await self._record_configuration()
                await reachable.wait()
                tasks.create_task(self._watchdog.run(), name="watchdog")
                _tune_gc()
                devices = len(self._settings.configuration.devices)
                log.info("daemon_started", box=self._box, devices=devices)
                self._runtime.manager.notify("READY=1", f"STATUS=box {self._box}")
                await self._stop.wait()
                raise StopError
        except* StopError:
            pass
        finally:
            await self._opener.lines.aclose()
        with suppress(SpoolError):
            await self._intake.drain()

    # --- what others read ---------------------------------------------------------------------

    def _make_health(self) -> HealthReporter:
        view = HealthView(
            clock=self._clock,
            started_at=self._started_at,
            spool=self._writer,
            refusing=lambda: self._intake.refused,
            lines=lambda: self._poller.counts,
            expires_at=lambda: self._link.expires_at,
        )
        return HealthReporter(
            Health(software(), self._box),
            view,
            lambda: self._settings.configuration.gateway.health_s,
            self._intake.put,
        )

    def _status_view(self) -> StatusView:
        polling = PollingView(
            settings=self._settings,
            poller=self._poller,
            lines=self._opener.lines,
            reports=self._intake.latest,
            refused=lambda: self._devices.refused,
            corrections=self._intake.corrections,
        )
        return StatusView(
            box=self._box,
            started_at=self._started_at,
            clock=self._clock,
            polling=polling,
            spool=self._writer,
            link=self._link,
            metrics=lambda: self._metrics.to_json() if self._metrics else None,
        )

    def _control_server(self) -> ControlServer:
        state = self._runtime.state
        access = DeviceAccess(
            settings=self._settings,
            opener=self._opener,
            reports=self._intake.latest,
            clock=self._clock.clock,
            state=state,
        )
        table = commands(
            self._status,
            DeviceCommands(access),
            ConfigurationCommands(self._settings, state),
            self._stop.set,
        )
        return ControlServer(state / SOCKET, table)

    def _make_metrics(self) -> Endpoint:
        """The endpoint; what it needs is loaded only here, where metrics are wanted."""
        from gateway.metrics.endpoint import Endpoint
        from gateway.metrics.samples import MetricsView, collect

        view = MetricsView(
            box=self._box,
            started_at=self._started_at,
            clock=self._clock,
            status=self._status,
            reports=self._intake.latest,
            polls=lambda: self._poller.counts,
            refusing=lambda: self._intake.refused,
            link=self._link.to_json,
        )
        return Endpoint(self._runtime.state, partial(collect, view))

    # --- what happens meanwhile ---------------------------------------------------------------

    async def _changed(self, before: Configuration) -> None:
        """Bring about a new configuration; what it does not change goes on undisturbed."""
        configuration = self._settings.configuration
        gateway = configuration.gateway
        self._change_filter.configure(configuration.site.zone, gateway.heartbeat_s * 1000)
        self._apply_devices()
        if configuration.cloud != before.cloud:
            self._link.restart(configuration.cloud)
        if configuration.metrics != before.metrics:
            self._serve_metrics()
        await self._record_configuration()

    def _apply_devices(self) -> None:
        self._devices.apply(self._settings.configuration, self._settings.profiles)

    def _serve_metrics(self) -> None:
        """Serve metrics as configured."""
        settings = self._settings.configuration.metrics
        if self._metrics is None:
            if settings.listen is None:
                return
            assert self._tasks is not None, "the daemon does not run"
            self._metrics = self._make_metrics()
            self._tasks.create_task(self._metrics.run(), name="metrics")
        self._metrics.configure(settings)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            await self._clock.update()
            self._link.refresh()

    def _clock_changed(self, record: ClockRecord) -> None:
        self._link.offset = record.offset
        self._health.report_now()

    async def _record_configuration(self) -> None:
        at = self._runtime.clock.now()
        configuration = self._settings.configuration
        if not await record_configuration(self._writer, configuration, at, _AUTHOR):
            self._intake.refuse(NAME, at)
            self._health.report_now()

    def _baseline(self) -> Sequence[Entry]:
        at = self._runtime.clock.now()
        return baseline_records(self._settings.configuration, self._clock.records, at, _AUTHOR)

    def _on_signals(self) -> None:
        """Stop on SIGTERM and SIGINT, reload on SIGHUP."""
        loop = asyncio.get_running_loop()
        reloads: set[asyncio.Task[None]] = set()

        def reload() -> None:
            task = loop.create_task(self._settings.reload(), name="reload")
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, reload)


def _tune_gc() -> None:
    """Return the memory that starting took, and collect garbage rarely from now on.

    Readings come and go by the hundred and hold no cycles; at the usual threshold of 700 objects
    the collector would run after every second poll of a large meter.
    """
    gc.collect()
    with suppress(AttributeError):  # a C library that is not GNU's
        ctypes.CDLL(None).malloc_trim(0)
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
