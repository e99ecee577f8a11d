"""The ledger's gateway, a process that gets killed: real change_filter, intake, spool and uplink.

    python -m tests.e2e.ledger.gateway FOLDER BROKER INCARNATION BOOT [options]

FOLDER holds ``spool/`` (or what ``--spool`` names), the journals, and ``status-INCARNATION``, a
JSON object replaced a few times a second. Signals: USR1: make no more, drain, end with 0;
USR2: from now on make as much as goes; TERM: end. The options ``--puback`` and ``--credulous``
make a gateway that the books must convict.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cloud_link.mqtt.broker import Broker
from cloud_link.spool.model import Entry, SpoolLimits
from cloud_link.spool.writer import SpoolWriter
from cloud_link.uplink.model import BoxInfo, ConnectionSettings, UplinkLimits
from cloud_link.uplink.uplink import Uplink
from cloud_link.wire import Lane
from gateway.intake.change_filter import ChangeFilter
from gateway.intake.clock_watch import ClockWatch
from gateway.intake.gateway_records import clock_entry
from gateway.intake.intake import Intake
from tests.e2e.ledger.clock import LedgerClock
from tests.e2e.ledger.expected_values import (
    BOX,
    CLOCK_AFTER,
    DEVICES,
    HEARTBEAT_MS,
    POISON_EVERY,
    RANGE,
    STEP_MS,
    report,
)
from tests.e2e.ledger.journal import Journal
from tests.e2e.ledger.puback_uplink import PubackUplink

LIMITS = SpoolLimits(
    cap_bytes=448 * 1024, gap_reserve_bytes=96 * 1024, reserve_file_bytes=64 * 1024
)
UPLINK_LIMITS = UplinkLimits(
    ack_timeout_ms=3_000, pause_ms=200, max_wait_ms=4_000, poll_ms=200, online_ms=3_000
)
LINK = ConnectionSettings(keepalive_s=10, first_wait_s=0.1, max_wait_s=1.0)
TICK_S = 0.05
CLOCK_EVERY = 5
"""Polls between two looks at the clocks."""


class Gateway:
    """One process of the ledger's gateway."""

    def __init__(self, orders: argparse.Namespace, writer: SpoolWriter) -> None:
        self._folder: Path = orders.folder
        self._name: int = orders.incarnation
        self._writer = writer
        boot = bytes.fromhex(orders.boot)[:8]
        self._journal = Journal(self._folder / f"journal-{self._name:04}", writer, boot)
        self._n = self._first = self._name * RANGE
        clock = LedgerClock(
            orders.boot, lambda: self._n * STEP_MS, orders.true_offset, credulous=orders.credulous
        )
        self._clock = ClockWatch(clock, self._journal)
        self._dated = False
        info = BoxInfo(
            boot=boot, software="ledger", now=_now, offset=lambda: self._clock.clock().offset
        )
        broker = Broker.parse(orders.broker)
        self._uplink: Uplink | PubackUplink = (
            PubackUplink(writer, broker, BOX, info)
            if orders.puback
            else Uplink(writer, broker, BOX, info, UPLINK_LIMITS, LINK)
        )
        change_filter = ChangeFilter(ZoneInfo("UTC"), HEARTBEAT_MS)
        self._intake = Intake(change_filter, self._journal, self._baseline, self._appended)
        self.draining = asyncio.Event()
        self.flooding = False

    async def run(self) -> None:
        """Work until drained."""
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(self._uplink.run()), group.create_task(self._tell())]
            intake = group.create_task(self._intake.run())
            await self._make()
            intake.cancel()
            with suppress(asyncio.CancelledError):
                await intake
            await self._intake.drain()
            while not (await self._status())["empty"]:  # noqa: ASYNC110 - the spool has no event for it
                await asyncio.sleep(0.05)
            for task in others:
                task.cancel()
        self._write(await self._status() | {"drained": True})

    async def _make(self) -> None:
        while not self.draining.is_set():
            self._n += 1
            if self._n >= self._first + CLOCK_AFTER and self._n % CLOCK_EVERY == 0:
                await self._clock.update()
                self._dated = self._clock.synchronised
            clock = self._clock.clock()
            for device in DEVICES:
                await self._intake.put(report(device, self._n, clock))
            if self._n % POISON_EVERY == POISON_EVERY // 2:
                await self._journal.append(self._poison())
            if not self.flooding:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.draining.wait(), TICK_S)

    def _baseline(self) -> tuple[Entry, ...]:
        at = self._n * STEP_MS
        return tuple(clock_entry(record, at) for record in self._clock.records)

    def _poison(self) -> tuple[Entry, ...]:
        """What no reader can read (0xC1 is never used in MessagePack), in a sound frame."""
        body = b"\xc1" + self._n.to_bytes(8, "big")
        return tuple(
            Entry(lane=lane, body=body, at=self._n * STEP_MS, readings=0)
            for lane in (Lane.EVENT, Lane.DATA)
        )

    def _appended(self, lanes: frozenset[Lane]) -> None:
        if isinstance(self._uplink, Uplink):
            self._uplink.appended(lanes)

    async def _tell(self) -> None:
        while True:
            self._write(await self._status())
            await asyncio.sleep(0.1)

    async def _status(self) -> dict[str, Any]:
        stats = await self._writer.call(lambda spool: spool.stats())
        epoch, following = await self._writer.call(lambda s: (s.epoch.hex(), s.next_seqs()))
        if isinstance(self._uplink, Uplink):
            delivered = self._uplink.state.delivered
            error = str(self._uplink.state.error or "")
        else:
            delivered, error = self._uplink.settled, ""
        pending = sum(stats.records.values())
        return {
            "accepted": self._journal.accepted,
            "pending": pending,
            "dropped": sum(stats.dropped.values()),
            "empty": not pending and not stats.open_gaps,
            "delivered": delivered,
            "clock": self._dated,
            "offset": self._clock.clock().offset or 0,
            "error": error,
            "epoch": epoch,
            "next": {int(lane): seq for lane, seq in following.items()},
            "drained": False,
        }

    def _write(self, status: dict[str, Any]) -> None:
        path = self._folder / f"status-{self._name:04}"
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(status), encoding="ascii")
        draft.replace(path)


def _now() -> int:
    return time.monotonic_ns() // 1_000_000


async def _main(orders: argparse.Namespace) -> None:
    boot = bytes.fromhex(orders.boot)[:8]
    spool = orders.folder / orders.spool
    limits = LIMITS if orders.retain else replace(LIMITS, retained_bytes=0)
    async with await SpoolWriter.open(spool, boot=boot, limits=limits) as writer:
        gateway = Gateway(orders, writer)
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        loop.add_signal_handler(signal.SIGUSR1, gateway.draining.set)
        loop.add_signal_handler(signal.SIGUSR2, setattr, gateway, "flooding", True)
        watch = asyncio.create_task(_orphaned(os.getppid(), task))
        try:
            await gateway.run()
        finally:
            watch.cancel()


async def _orphaned(parent: int, task: asyncio.Task[Any]) -> None:
    """End with the test, however that ended."""
    while os.getppid() == parent:  # noqa: ASYNC110 - the kernel offers no event for it
        await asyncio.sleep(1)
    task.cancel()


def main() -> int:
    """Run one incarnation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("broker")
    parser.add_argument("incarnation", type=int)
    parser.add_argument("boot")
    parser.add_argument("--spool", default="spool")
    parser.add_argument("--retain", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--true-offset", type=int)
    parser.add_argument("--puback", action="store_true")
    parser.add_argument("--credulous", action="store_true")
    with suppress(asyncio.CancelledError):
        asyncio.run(_main(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
