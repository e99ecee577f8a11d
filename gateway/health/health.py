"""The gateway's report about itself, in the vocabulary of any device.

Its device is named ``gateway``; the same change filter, spool and wire carry it. Gauges that change
in every report (uptime, resident set) make it the heartbeat that liveness is derived from.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from console import part_key
from console.templates import condition, evidence
from console.text import Message
from drivers.report import (
    Clock,
    Code,
    Condition,
    Evidence,
    EvidenceKind,
    Identity,
    Observation,
    Quantity,
    Reading,
    Report,
    Severity,
    State,
)
from gateway.link.certificate import CertificateValidity, validity
from gateway.polling.device_state import DeviceView
from gateway.polling.line_poller import LineCounts

NAME: Final = "gateway"
DISK_LOW_BYTES: Final = 64 * 1024 * 1024
DROPPING_MS: Final = 600_000
"""The spool counts as full until nothing was dropped for this long."""
_DROPPED: Final = {
    "event": evidence.EVENTS_DROPPED,
    "gap": evidence.GAPS_DROPPED,
    "boundary": evidence.BOUNDARIES_DROPPED,
    "data": evidence.READINGS_DROPPED,
}
"""What a number of dropped records counts, by the lane's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolFigures:
    """The spool's figures in the gateway's own report.

    Attributes:
        records: Records that wait, by the lane's name.
        dropped: Records that were dropped, by the lane's name.
        bytes: Their size on disk.
        rejected: Records that the portal rejected.
        oldest_at: When the oldest record was made, milliseconds since boot; ``None`` where none
            waits, or it was made before this boot.
        disk_free: Bytes free on the spool's disk; ``None`` where they could not be read.
        refusing: Whether the spool cannot be written.
    """

    records: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    bytes: int = 0
    rejected: int = 0
    oldest_at: int | None = None
    disk_free: int | None = None
    refusing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFigures:
    """The resources that this process uses.

    Attributes:
        resident: Bytes of its resident set.
        cpu_ms: Milliseconds of CPU time.
        uptime_s: Seconds since the daemon began.
    """

    resident: int
    cpu_ms: int
    uptime_s: int


class Health:
    """Makes the gateway's own reports.

    Args:
        software: This software's version: the gateway's firmware.
        box: The box id: its serial number.
    """

    def __init__(self, software: str, box: str) -> None:
        self._view = DeviceView(NAME)
        self._dropped: Mapping[str, int] | None = None
        self._dropped_at: int | None = None
        self._identity = Identity(maker="Kanmon", model="gateway", serial=box, firmware=software)

    def report(
        self,
        at: int,
        clock: Clock,
        spool: SpoolFigures,
        process: ProcessFigures,
        lines: Mapping[str, LineCounts],
        expires_at: int | None = None,
    ) -> Report:
        """Return the report of this moment.

        Args:
            at: The present, milliseconds since boot.
            clock: The boot and the offset that ``at`` is dated by.
            spool: The spool's figures.
            process: The process's figures.
            lines: The counters of each line's polls, by its key.
            expires_at: When the box's certificate expires, Unix milliseconds; ``None`` without one.
        """
        if self._dropped is not None and spool.dropped != self._dropped:
            self._dropped_at = at
        self._dropped = dict(spool.dropped)
        dropping = self._dropped_at is not None and at - self._dropped_at < DROPPING_MS
        readings = (
            *_process_readings(at, process),
            *_spool_readings(at, spool),
            *_line_readings(at, lines),
        )
        observation = Observation(
            readings=readings,
            state=State.RUNNING,
            identity=self._identity,
            conditions=(
                *_conditions(clock, spool, dropping=dropping),
                *_certificate_conditions(validity(expires_at, clock, at)),
            ),
            supplies=(),
        )
        return self._view.observed(observation, at, clock)


def process_figures(started_at: int, now: int) -> ProcessFigures:
    """Return the resources that this process uses now (proc_pid_statm(5), times(2)).

    Args:
        started_at: When the daemon began, milliseconds since boot.
        now: The present, milliseconds since boot.
    """
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return ProcessFigures(
        resident=pages * os.sysconf("SC_PAGE_SIZE"),
        cpu_ms=round(time.process_time() * 1000),
        uptime_s=(now - started_at) // 1000,
    )


def _process_readings(at: int, process: ProcessFigures) -> tuple[Reading, ...]:
    return (
        Reading(quantity=Quantity.UPTIME, value=process.uptime_s, at=at),
        Reading(quantity=Quantity.MEMORY_RESIDENT, value=process.resident, at=at),
        Reading(quantity=Quantity.CPU_TIME, value=process.cpu_ms, resolution=-3, at=at),
    )


def _spool_readings(at: int, spool: SpoolFigures) -> Iterable[Reading]:
    for lane, count in sorted(spool.records.items()):
        part = _slice("lane", lane)
        yield Reading(quantity=Quantity.SPOOL_RECORDS, part=part, value=count, at=at)
    for lane, count in sorted(spool.dropped.items()):
        part = _slice("lane", lane)
        yield Reading(quantity=Quantity.SPOOL_DROPPED, part=part, value=count, at=at)
    oldest = 0 if spool.oldest_at is None else max(0, at - spool.oldest_at) // 1000
    yield Reading(quantity=Quantity.SPOOL_BYTES, value=spool.bytes, at=at)
    yield Reading(quantity=Quantity.SPOOL_OLDEST, value=oldest, at=at)
    yield Reading(quantity=Quantity.SPOOL_REJECTED, value=spool.rejected, at=at)
    if spool.disk_free is not None:
        yield Reading(quantity=Quantity.DISK_FREE, value=spool.disk_free, at=at)


def _line_readings(at: int, lines: Mapping[str, LineCounts]) -> Iterable[Reading]:
    for line, counts in sorted(lines.items()):
        part = _slice("line", line_part(line))
        yield Reading(quantity=Quantity.POLLS, part=part, value=counts.polls, at=at)
        yield Reading(quantity=Quantity.POLLS_FAILED, part=part, value=counts.failed, at=at)
        yield Reading(quantity=Quantity.POLLS_MISSED, part=part, value=counts.missed, at=at)


def _slice(name: str, value: str) -> str:
    return part_key.write(part_key.Slices(((name, value),)))


def line_part(line: str) -> str:
    """Return a line's key in the characters of a part: ``serial:/dev/ttyS0`` has a slash."""
    return re.sub(r"[^A-Za-z0-9._:-]", "-", line).lstrip("._:-") or "line"


def _conditions(clock: Clock, spool: SpoolFigures, *, dropping: bool) -> Iterable[Condition]:
    if clock.offset is None:
        yield Condition(
            code=Code.CLOCK_UNSET,
            severity=Severity.WARNING,
            message=condition.NO_TIME(),
        )
    if spool.refusing:
        yield Condition(
            code=Code.SPOOL_FAULT,
            severity=Severity.ERROR,
            message=condition.SPOOL_NOT_WRITABLE(),
        )
    if dropping:
        yield Condition(
            code=Code.SPOOL_FULL,
            severity=Severity.WARNING,
            message=condition.RECORDS_DROPPED(),
            evidence=tuple(
                _seen(n, _DROPPED.get(lane, evidence.DROPPED)())
                for lane, n in sorted(spool.dropped.items())
                if n
            ),
        )
    if spool.disk_free is not None and spool.disk_free < DISK_LOW_BYTES:
        yield Condition(
            code=Code.DISK_FULL,
            severity=Severity.ERROR,
            message=condition.DISK_ALMOST_FULL(),
            evidence=(_seen(spool.disk_free, evidence.BYTES_FREE()),),
        )


def _seen(value: int, meaning: Message) -> Evidence:
    return Evidence(kind=EvidenceKind.GATEWAY, value=str(value), meaning=meaning)


def _certificate_conditions(certificate: CertificateValidity | None) -> Iterable[Condition]:
    found = None if certificate is None else certificate.condition()
    return () if found is None else (found,)
