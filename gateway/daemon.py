"""The gateway as it runs: builds the parts, wires them, and takes them down. The only wiring.

::

    lines -- drivers -- Poller --+
                                 +--> Intake (Pipeline) --> SpoolWriter <--> Uplink --> broker
    Health, clock, configuration-+                              ^
                                     control socket ------------+--- status, outbox, read, apply

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
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from cloud_link.spool.model import Entry, SpoolError
from cloud_link.spool.writer import SpoolWriter
from cloud_link.wire import ClockRecord, WireError
from config.finding import ConfigError
from config.model import digest
from config.secrets import secret
from drivers.report import Clock, Report
from gateway.clock import ClockSource, OffsetWatch, SystemClock, boot_bytes, clock_of
from gateway.configuration.loader import Ask, Loaded, Loader, LoadingError, ask_apart
from gateway.control.client import SOCKET, ControlError
from gateway.control.commands import Requests
from gateway.control.server import ControlServer
from gateway.health.health import Health, process_figures
from gateway.health.sd_notify import ServiceManager
from gateway.health.spool_stats import spool_figures, spool_limits
from gateway.health.watchdog import Pulse
from gateway.intake.change_filter import Pipeline
from gateway.intake.intake import Intake
from gateway.intake.records import CONFIGURATION_KEY, clock_entry, configuration_entry, standing
from gateway.link.link import Link
from gateway.polling.devices import Site
from gateway.polling.line_poller import Timing
from gateway.polling.poller import Poller
from gateway.version import software
from provisioning.identity import box_id

if TYPE_CHECKING:
    from gateway.metrics.endpoint import Endpoint

CLOCK_LOOK_S: Final = 5.0

log = structlog.get_logger("kanmon")


class StopError(Exception):
    """Ends the TaskGroup in good order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a daemon stands on.

    Attributes:
        state: Its folder.
        clock: Its clocks.
        manager: Who is told that it is ready and alive.
    """

    state: Path
    clock: ClockSource
    manager: ServiceManager


async def run(state: Path, clock: ClockSource | None = None, ask: Ask = ask_apart) -> None:
    """Run a gateway until it is told to stop.

    Raises:
        ConfigError: There is no configuration that can be used.
        LoadingError: Nobody could read it.
        IdentityError, SpoolError, ControlError: The state folder cannot be used.
    """
    manager = ServiceManager.take(os.environ)
    ground = Ground(state=state, clock=clock or SystemClock(), manager=manager)
    loader = Loader(state, ask)
    loaded = await loader.load()
    for finding in loaded.findings:
        log.error("the configuration cannot be used; the previous one runs", finding=str(finding))
    box = box_id(state)
    writer = await SpoolWriter.open(
        state / "spool",
        boot=boot_bytes(ground.clock.boot_id),
        limits=spool_limits(loaded.configuration),
    )
    try:
        daemon = Daemon(ground, loader, loaded, writer, box)
        await daemon.run()
    except BaseExceptionGroup as group:
        # The first error is the one that ended the others.
        told = _first(group)
        if isinstance(told, ControlError | SpoolError):
            raise told from group
        log.error("ended by a fault of its own", exc_info=told)
        raise
    finally:
        manager.tell("STOPPING=1")
        await writer.aclose()
        log.info("stopped", box=box)


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
        ground: Ground,
        loader: Loader,
        loaded: Loaded,
        writer: SpoolWriter,
        box: str,
    ) -> None:
        from drivers.driver import Lines

        self.ground = ground
        self.loader = loader
        self.configuration, self.shelf = loaded.configuration, loaded.shelf
        self._changing = asyncio.Lock()
        self.writer = writer
        self.box = box
        self.refused: dict[str, str] = {}
        self.started_at = ground.clock.now()
        self._offset = OffsetWatch()
        self._clock_record: ClockRecord | None = None
        self._stop = asyncio.Event()
        self.lines = Lines()
        self.site = Site(
            lines=self.lines, now=ground.clock.now, secret=partial(secret, ground.state)
        )
        site, gateway = self.configuration.site, self.configuration.gateway
        self._pipeline = Pipeline(site.zone, gateway.heartbeat_s * 1000)
        boot = boot_bytes(ground.clock.boot_id)
        self.link = Link(writer, box, ground.state, boot, ground.clock.now)
        self.intake = Intake(self._pipeline, writer, self._standing, self.link.appended)
        timing = Timing(now=ground.clock.now, clock=self.clock)
        self.poller = Poller(timing, self.intake.put)
        self._health = Health(software(), box)
        self._pulse = Pulse(ground.manager, writer, self.poller.stalled)
        self._tasks: asyncio.TaskGroup | None = None
        self.metrics: Endpoint | None = None

    def clock(self) -> Clock:
        """What a report made now says about its time."""
        return clock_of(self.ground.clock, self._offset)

    @property
    def synchronised(self) -> bool:
        """Whether a time source vouches for the clock."""
        return self._offset.synchronised

    async def run(self) -> None:
        """Run until told to stop; the spool is then complete, but not closed."""
        requests = Requests(self)
        server = ControlServer(self.ground.state / SOCKET, requests.commands())
        reachable = asyncio.Event()
        _on_signals(self)
        await self._look_at_clock()
        self._apply_devices()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(server.run(reachable.set), name="control")
                tasks.create_task(self.intake.run(), name="intake")
                tasks.create_task(self.poller.run(), name="poller")
                tasks.create_task(self._watch_clock(), name="clock")
                tasks.create_task(self._report_health(), name="health")
                self._tasks = tasks
                self.link.start(tasks, self.configuration.cloud)
                self._expose()
                await self._announce_configuration()
                await reachable.wait()
                tasks.create_task(self._pulse.run(), name="pulse")
                _spare_the_collector()
                log.info("running", box=self.box, devices=len(self.configuration.devices))
                self.ground.manager.tell("READY=1", f"STATUS=box {self.box}")
                await self._stop.wait()
                raise StopError
        except* StopError:
            pass
        finally:
            await self.lines.aclose()
        with suppress(SpoolError):
            await self.intake.drain()

    def stop(self) -> None:
        """End `run` soon."""
        self._stop.set()

    async def change(self, text: bytes, file: str) -> tuple[Loaded, list[str]]:
        """Keep ``text`` and let it run from now on; changes come one after the other.

        Returns:
            What runs now, and which of its sections take effect only at the next start.

        Raises:
            ConfigError, KeepingError, LoadingError: Nothing was changed.
        """
        async with self._changing:
            loaded = await self.loader.apply(text, file)
            return loaded, await self._apply(loaded)

    async def _apply(self, loaded: Loaded) -> list[str]:
        """Let it run; what it does not change goes on undisturbed."""
        before, configuration = self.configuration, loaded.configuration
        self.configuration, self.shelf = configuration, loaded.shelf
        gateway = configuration.gateway
        self._pipeline.configure(configuration.site.zone, gateway.heartbeat_s * 1000)
        self._apply_devices()
        if configuration.cloud != before.cloud:
            self.link.restart(configuration.cloud)
        if configuration.metrics != before.metrics:
            self._expose()
        await self._announce_configuration()
        log.info("configuration applied", digest=digest(configuration).hex()[:12])
        return ["spool"] if configuration.spool != before.spool else []

    async def reload(self) -> None:
        """Apply the file in the state folder; what is wrong with it is logged, nothing changes."""
        async with self._changing:
            try:
                loaded = await self.loader.load()
                if loaded.findings:
                    raise ConfigError(loaded.findings)
            except (ConfigError, LoadingError) as error:
                log.error(
                    "the configuration cannot be used; the running one stays", error=str(error)
                )
                return
            await self._apply(loaded)

    def _apply_devices(self) -> None:
        ready, refused = self.site.polled(self.configuration, self.shelf)
        self.intake.forget(self.poller.apply(ready))
        self.site.lines.close_others({device.line for device in ready})
        for name, why in refused.items():
            if self.refused.get(name) != why:
                log.error("device cannot be polled", device=name, error=why)
        self.refused = refused

    def _expose(self) -> None:
        """Let metrics be read as configured; loads nothing where that was never wanted."""
        if self.metrics is None:
            if self.configuration.metrics.listen is None:
                return
            from gateway.metrics.endpoint import Endpoint
            from gateway.metrics.samples import look

            assert self._tasks is not None, "the daemon does not run"
            self.metrics = Endpoint(self.ground.state, lambda: look(self))
            self._tasks.create_task(self.metrics.run(), name="metrics")
        self.metrics.configure(self.configuration.metrics)

    def _standing(self) -> list[Entry]:
        at = self.ground.clock.now()
        return list(standing(self.configuration, self._clock_record, at, "local"))

    async def _announce_configuration(self) -> None:
        """Bring the configuration into the spool, unless it is the one accepted last."""
        name = digest(self.configuration)
        try:
            if await self.writer.call(lambda spool: spool.recall(CONFIGURATION_KEY)) == name:
                return
            at = self.ground.clock.now()
            await self.writer.append([configuration_entry(self.configuration, at, "local")])
            # Not in one transaction: a stop in between repeats the record, which does no harm.
            await self.writer.call(lambda spool: spool.remember(CONFIGURATION_KEY, name))
        except (SpoolError, WireError) as error:
            log.error("the configuration cannot be announced", error=str(error))

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_LOOK_S)
            await self._look_at_clock()
            self.link.look()

    async def _look_at_clock(self) -> None:
        sample = self.ground.clock.sample()
        record = self._offset.look(sample)
        if record is None:
            return
        self._clock_record = record
        self.link.offset = record.offset
        log.info("clock known", offset=record.offset, synchronised=record.synchronised)
        try:
            await self.writer.append([clock_entry(record, sample.boot)])
        except SpoolError as error:
            log.error("the clock cannot be announced", error=str(error))

    async def _report_health(self) -> None:
        while True:
            await self.intake.put(await self.health_report())
            await asyncio.sleep(self.configuration.gateway.health_s)

    async def health_report(self) -> Report:
        """The gateway's own report of this moment."""
        at = self.ground.clock.now()
        stats = None
        with suppress(SpoolError):
            stats = await self.writer.call(lambda spool: spool.stats())
        figures = spool_figures(
            stats, boot_bytes(self.ground.clock.boot_id), refusing=self.intake.refused
        )
        process = process_figures(self.started_at, at)
        clock, ends_at = self.clock(), self.link.ends_at
        return self._health.report(at, clock, figures, process, self.poller.counts, ends_at)

    def device_reports(self) -> Mapping[str, Report]:
        """The latest report of every device, by name."""
        return self.intake.latest


def _spare_the_collector() -> None:
    """Give back what starting took; do not look through what stays again and again for garbage.

    Readings come and go by the hundred and hold no cycles; at the usual threshold of 700 objects
    the collector would run after every second poll of a large meter.
    """
    gc.collect()
    with suppress(AttributeError):  # a C library that is not GNU's
        ctypes.CDLL(None).malloc_trim(0)
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def _on_signals(daemon: Daemon) -> None:
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(daemon.reload(), name="reload")
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
