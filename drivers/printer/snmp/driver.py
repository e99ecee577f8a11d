"""The driver of any printer that speaks the Printer MIB.

::

    identity    rarely    system, hrDeviceTable, serial number, character set, ifTable
    counters              prtMarkerTable, makers' totals
    supplies              prtMarkerSuppliesTable, prtMarkerColorantTable, trays, outputs, covers
    status      often     one get of the host resources, one walk of prtAlertTable; the trays,
                          outputs and covers only while something is wrong

A printer asleep is thus asked for five variables and an empty table at each poll. What the slower
groups said is remembered for the faster: a condition names the tray that `supplies` found. The
fifth variable is the serial number: where another printer answers, everything is forgotten and
read anew, so that nothing it has counted is ever told without who it is.

Source: design sections 3 and 4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from console.templates import snmp
from console.text import NO_MESSAGE, Duration, Message
from drivers.printer import alerts, counters, subunits
from drivers.printer.conditions import Status, conditions, state
from drivers.printer.identity import FIRMWARE_OF, IdentityFields, enterprise, identity
from drivers.printer.mib import (
    ALERTS,
    COLORANTS,
    COVERS,
    DETECTED_ERRORS,
    DEVICE_STATUS,
    INPUTS,
    INTERFACES,
    MARKERS,
    OUTPUTS,
    SUPPLIES,
    Index,
    Row,
    Table,
    rows_of,
)
from drivers.printer.snmp import poll_groups
from drivers.printer.snmp.variables import (
    CHARACTER_SETS,
    CURRENT_LOCALIZATION,
    DEVICE_DESCRIPTION,
    DEVICE_TYPES,
    PRINTER_STATUS,
    PRINTER_TYPE,
    SERIAL_NUMBER,
    SYSTEM_DESCRIPTION,
    SYSTEM_OBJECT,
    UPTIME,
    column,
)
from drivers.printer.subunits import SubUnits
from drivers.printer.supplies import SupplyRow, supply_rows
from drivers.printer.text import words
from drivers.report import Condition, Identity, Observation, Reading, Severity
from protocols.errors import ErrorResponse, Timeout
from protocols.snmp.model import Agent, Value

READ_LIMIT_S: Final = 90.0
"""Seconds that one read may take; an agent that trickles counts as silent."""
NO_SUCH_NAME: Final = 2
"""The error code for an agent that is not a printer's (RFC 1157)."""


async def _no_presence() -> Message:
    return NO_MESSAGE


@dataclass(slots=True)
class _Cache:
    """What slower poll groups read, for the faster ones.

    Attributes:
        device: The printer's index in hrDeviceTable; ``None`` until it was looked for.
        serial: Its serial number as it came; empty where it tells none.
        charset: What its texts are encoded in, a MIBenum.
        owner: The sysObjectID of its agent.
        supplies: Its supplies.
        parts: Its trays, outputs, covers and markers.
        faulty: Whether the last status had a condition above information.
    """

    device: int | None = None
    serial: bytes = b""
    charset: int | None = None
    owner: str = ""
    supplies: tuple[SupplyRow, ...] = ()
    parts: SubUnits = field(
        default_factory=lambda: SubUnits(covers={}, inputs={}, outputs={}, markers={})
    )
    faulty: bool = False


class PrinterDriver:
    """The `drivers.driver.Driver` of one printer.

    Args:
        agent: The printer's SNMP agent.
        now: The clock that dates readings: milliseconds since boot.
        present: Returns what shows that the printer is there although its agent is silent;
            `NO_MESSAGE` where nothing does.
        limit_s: Seconds that one read may take.
    """

    def __init__(
        self,
        agent: Agent,
        now: Callable[[], int],
        present: Callable[[], Awaitable[Message]] = _no_presence,
        limit_s: float = READ_LIMIT_S,
    ) -> None:
        self._agent = agent
        self._now = now
        self._present = present
        self._limit_s = limit_s
        self._cache = _Cache()

    async def read(self, due: frozenset[str]) -> Observation:
        """See `drivers.driver.Driver`."""
        try:
            return await self._in_time(due)
        except Timeout as error:
            shown = await self._present()
            if not shown:
                raise
            raise self._there_but_silent(error, shown) from error

    async def _in_time(self, due: frozenset[str]) -> Observation:
        try:
            async with asyncio.timeout(self._limit_s):
                return await self._read(due)
        except TimeoutError as error:
            what = snmp.SLOW_READ(limit=Duration(self._limit_s))
            step = snmp.CHECK_LOAD()
            raise Timeout(what, where=self._agent.where, next_step=step) from error

    def _there_but_silent(self, error: Timeout, sign: Message) -> Timeout:
        """The timeout of a printer that is there: jammed ones may fall silent, or SNMP is off."""
        answered_before = self._cache.device is not None
        step = snmp.READ_PANEL() if answered_before else snmp.TURN_ON_FOR_GATEWAY()
        why = snmp.PRESENT(sign=sign)
        return Timeout(error.what, where=error.where, why=why, next_step=step)

    async def _read(self, due: frozenset[str]) -> Observation:
        vital = await self._vital() if self._cache.device is not None else {}
        if self._is_another(vital):
            self._cache = _Cache()
            due |= {poll_groups.SUPPLIES}
        cache = self._cache
        device_identity: Identity | None = None
        if poll_groups.IDENTITY in due or cache.device is None:
            device_identity = await self._identify()
            vital = {}  # of who was there before
        if poll_groups.SUPPLIES in due:
            await self._supplies()
        readings: tuple[Reading, ...] = ()
        if poll_groups.COUNTERS in due:
            readings = await self._counters()
        seen_status, found = None, None
        if poll_groups.STATUS in due:
            vital = vital or await self._vital()
            status, found = await self._status(vital, fresh=poll_groups.SUPPLIES in due)
            seen_status = state(status, found)
            cache.faulty = any(c.severity is not Severity.INFO for c in found)
        supplies = tuple(s.supply for s in cache.supplies) if poll_groups.SUPPLIES in due else None
        return Observation(
            readings=readings,
            state=seen_status,
            identity=device_identity,
            conditions=found,
            supplies=supplies,
        )

    async def _identify(self) -> Identity:
        cache, agent = self._cache, self._agent
        device = await self._find_printer()
        texts = {
            "system": SYSTEM_DESCRIPTION,
            "owner": SYSTEM_OBJECT,
            "device": f"{DEVICE_DESCRIPTION}.{device}",
            "serial": f"{SERIAL_NUMBER}.{device}",
        }
        language = f"{CURRENT_LOCALIZATION}.{device}"
        found = await agent.get([*texts.values(), language])
        current = found.get(language)
        if isinstance(current, int) and current > 0:
            charset = f"{CHARACTER_SETS}.{device}.{current}"
            cache.charset = _whole((await _optional(agent.get([charset]))).get(charset))
        cache.owner = _text(found.get(SYSTEM_OBJECT), None)
        firmware = FIRMWARE_OF.get(enterprise(cache.owner) or 0)
        if firmware:
            found = {**found, **await _optional(agent.get([firmware]))}
        interfaces = await _optional(agent.walk(INTERFACES.entry, INTERFACES.columns))
        serial = found.get(texts["serial"])
        cache.device = device
        cache.serial = serial if isinstance(serial, bytes) else b""
        said = {name: _text(found.get(oid), cache.charset) for name, oid in texts.items()}
        firmware_text = _text(found.get(firmware), cache.charset) if firmware else ""
        return identity(IdentityFields(**said, firmware=firmware_text, interfaces=interfaces))

    async def _find_printer(self) -> int:
        """The index of the first printer in hrDeviceTable.

        Raises:
            ErrorResponse: This agent is no printer's.
        """
        types = await self._agent.walk(DEVICE_TYPES)
        printers = [index for index, value in column(types, DEVICE_TYPES) if value == PRINTER_TYPE]
        if printers:
            return min(printers)
        for base in (DETECTED_ERRORS, SERIAL_NUMBER, f"{SUPPLIES.entry}.9"):
            found = await self._agent.walk(base)
            if found:
                return int(next(iter(found))[len(base) + 1 :].partition(".")[0])
        raise ErrorResponse(
            code=NO_SUCH_NAME,
            reason=snmp.NO_PRINTER_MIB(),
            what=snmp.NOT_A_PRINTER(),
            where=self._agent.where,
            next_step=snmp.ALLOW_PRINTER_MIB(),
        )

    async def _table(self, table: Table) -> dict[Index, Row]:
        found = await self._agent.walk(table.entry, table.columns)
        return rows_of(found, table, self._cache.device or 1)

    async def _supplies(self) -> None:
        cache = self._cache
        device = cache.device or 1
        found = await self._agent.walk(SUPPLIES.entry, SUPPLIES.columns)
        colorants = await _optional(self._agent.walk(COLORANTS.entry, COLORANTS.columns))
        cache.supplies = supply_rows({**found, **colorants}, device, cache.charset)
        await self._parts()

    async def _parts(self) -> None:
        tables = [
            rows_of(
                await _optional(self._agent.walk(table.entry, table.columns)),
                table,
                self._cache.device or 1,
            )
            for table in (INPUTS, OUTPUTS, COVERS, MARKERS)
        ]
        inputs, outputs, covers, markers = tables
        self._cache.parts = SubUnits(inputs=inputs, outputs=outputs, covers=covers, markers=markers)

    async def _counters(self) -> tuple[Reading, ...]:
        made: list[Reading] = []
        if enterprise(self._cache.owner) == counters.EPSON:
            began = self._now()
            found = await self._agent.walk(counters.EPSON_TOTALS)
            made += counters.epson_readings(found, (began + self._now()) // 2)
        began = self._now()
        markers = await self._table(MARKERS)
        made += counters.readings(markers, (began + self._now()) // 2)
        return counters.unique_readings(
            made, (began + self._now()) // 2
        )  # the maker's are the finer ones

    async def _vital(self) -> Mapping[str, Value]:
        """What every read asks first: the status, and the serial number to know the printer by."""
        device = self._cache.device
        bases = (DEVICE_STATUS, PRINTER_STATUS, DETECTED_ERRORS, SERIAL_NUMBER)
        return await self._agent.get([*(f"{base}.{device}" for base in bases), UPTIME])

    def _is_another(self, vital: Mapping[str, Value]) -> bool:
        cache = self._cache
        serial = vital.get(f"{SERIAL_NUMBER}.{cache.device}")
        return bool(serial and cache.serial) and serial != cache.serial

    async def _status(
        self, vital: Mapping[str, Value], *, fresh: bool
    ) -> tuple[Status, tuple[Condition, ...]]:
        cache = self._cache
        device = cache.device or 1
        errors = vital.get(f"{DETECTED_ERRORS}.{device}")
        status = Status(
            index=device,
            device=_whole(vital.get(f"{DEVICE_STATUS}.{device}")),
            printer=_whole(vital.get(f"{PRINTER_STATUS}.{device}")),
            errors=errors if isinstance(errors, bytes) else None,
        )
        rows = await self._table(ALERTS)
        if not fresh and (cache.faulty or not status.calm):
            await self._parts()
        places = cache.parts.places(cache.charset)
        places |= {one.component: one.supply.name for one in cache.supplies}
        printer = alerts.Printer(
            uptime=_whole(vital.get(UPTIME)),
            charset=cache.charset,
            supplies={one.index[-1]: one.component for one in cache.supplies},
            places=places,
            pjl=enterprise(cache.owner) == alerts.BROTHER,
        )
        found = conditions(
            [
                *alerts.faults(rows, printer),
                *subunits.faults(cache.parts, places),
                *subunits.supply_faults(cache.supplies),
            ],
            status,
        )
        # Only now: bits look for the kind of part that they tell of.
        trays = subunits.numbered(places)
        return status, tuple(
            replace(one, component=trays.get(one.component, one.component)) for one in found
        )


async def _optional(asked: Awaitable[Mapping[str, Value]]) -> Mapping[str, Value]:
    """The answer, or nothing where it is refused: for names and places, which are optional."""
    try:
        return await asked
    except ErrorResponse:
        return {}


def _whole(value: Value | None) -> int | None:
    return value if isinstance(value, int) else None


def _text(value: Value | None, charset: int | None) -> str:
    if isinstance(value, bytes):
        return words(value, charset)
    return value if isinstance(value, str) else ""
