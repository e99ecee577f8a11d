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

from drivers.printer import alerts, counters, subunits
from drivers.printer.conditions import Status, conditions, state
from drivers.printer.identity import FIRMWARE_OF, Told, enterprise, identity
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
from drivers.printer.snmp.tables import (
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
from drivers.printer.supplies import Seen, seen
from drivers.printer.text import words
from drivers.report import Condition, Identity, Observation, Reading, Severity
from protocols.errors import ErrorResponse, Timeout
from protocols.snmp.model import Agent, Value

READ_LIMIT_S: Final = 90.0
"""What one read may take; an agent that trickles is as good as silent."""
NO_SUCH_NAME: Final = 2
"""What the refusal of an agent that is no printer's is numbered (RFC 1157)."""


async def _unseen() -> str:
    return ""


@dataclass(slots=True)
class _Memory:
    """What slower groups said, for the faster ones.

    Attributes:
        device: The printer's index in hrDeviceTable; ``None`` until it was looked for.
        serial: Its serial number as it came; empty where it tells none.
        charset: What its texts are encoded in, a MIBenum.
        owner: Its agent's sysObjectID.
        supplies: Its supplies.
        parts: Its trays, outputs, covers and markers.
        troubled: Whether anything was wrong the last time.
    """

    device: int | None = None
    serial: bytes = b""
    charset: int | None = None
    owner: str = ""
    supplies: tuple[Seen, ...] = ()
    parts: SubUnits = field(
        default_factory=lambda: SubUnits(covers={}, inputs={}, outputs={}, markers={})
    )
    troubled: bool = False


class PrinterDriver:
    """One printer.

    Args:
        agent: Who answers for it.
        now: Milliseconds since boot.
        present: What shows that the printer is there although its agent is silent, in a clause.
        limit_s: What one read may take.
    """

    def __init__(
        self,
        agent: Agent,
        now: Callable[[], int],
        present: Callable[[], Awaitable[str]] = _unseen,
        limit_s: float = READ_LIMIT_S,
    ) -> None:
        self._agent = agent
        self._now = now
        self._present = present
        self._limit_s = limit_s
        self._memory = _Memory()

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
            what = f"it took more than {self._limit_s:g} s to tell what it was asked"
            step = "Look at the device's load and the network between"
            raise Timeout(what, where=self._agent.where, next_step=step) from error

    def _there_but_silent(self, error: Timeout, shown: str) -> Timeout:
        """Some printers fall silent while they are jammed; others never had SNMP turned on."""
        what = f"{error.what}, though the printer is there: {shown}"
        step = "Turn SNMP on in its settings, and check the community or user"
        if self._memory.device is not None:
            step = "Read what its panel says: some printers fall silent while they are jammed"
        return Timeout(what, where=error.where, next_step=step)

    async def _read(self, due: frozenset[str]) -> Observation:
        vital = await self._vital() if self._memory.device is not None else {}
        if self._is_another(vital):
            self._memory = _Memory()
            due |= {poll_groups.SUPPLIES}
        memory = self._memory
        told: Identity | None = None
        if poll_groups.IDENTITY in due or memory.device is None:
            told = await self._identify()
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
            memory.troubled = any(c.severity is not Severity.INFO for c in found)
        supplies = tuple(s.supply for s in memory.supplies) if poll_groups.SUPPLIES in due else None
        return Observation(
            readings=readings,
            state=seen_status,
            identity=told,
            conditions=found,
            supplies=supplies,
        )

    async def _identify(self) -> Identity:
        memory, agent = self._memory, self._agent
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
            memory.charset = _whole((await _if_told(agent.get([charset]))).get(charset))
        memory.owner = _text(found.get(SYSTEM_OBJECT), None)
        firmware = FIRMWARE_OF.get(enterprise(memory.owner) or 0)
        if firmware:
            found = {**found, **await _if_told(agent.get([firmware]))}
        interfaces = await _if_told(agent.walk(INTERFACES.entry, INTERFACES.columns))
        serial = found.get(texts["serial"])
        memory.device = device
        memory.serial = serial if isinstance(serial, bytes) else b""
        said = {name: _text(found.get(oid), memory.charset) for name, oid in texts.items()}
        told = _text(found.get(firmware), memory.charset) if firmware else ""
        return identity(Told(**said, firmware=told, interfaces=interfaces))

    async def _find_printer(self) -> int:
        """Its index in hrDeviceTable: the first that is a printer.

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
            reason="no such name",
            what="this agent answers, but not as a printer: it has no hrPrinterTable and no "
            "Printer MIB",
            where=self._agent.where,
            next_step="Check the address; in a printer's settings, turn on the Printer MIB, or let "
            "this community or user see all of it",
        )

    async def _table(self, table: Table) -> dict[Index, Row]:
        found = await self._agent.walk(table.entry, table.columns)
        return rows_of(found, table, self._memory.device or 1)

    async def _supplies(self) -> None:
        memory = self._memory
        device = memory.device or 1
        found = await self._agent.walk(SUPPLIES.entry, SUPPLIES.columns)
        colorants = await _if_told(self._agent.walk(COLORANTS.entry, COLORANTS.columns))
        memory.supplies = seen({**found, **colorants}, device, memory.charset)
        await self._parts()

    async def _parts(self) -> None:
        told = [
            rows_of(
                await _if_told(self._agent.walk(table.entry, table.columns)),
                table,
                self._memory.device or 1,
            )
            for table in (INPUTS, OUTPUTS, COVERS, MARKERS)
        ]
        inputs, outputs, covers, markers = told
        self._memory.parts = SubUnits(
            inputs=inputs, outputs=outputs, covers=covers, markers=markers
        )

    async def _counters(self) -> tuple[Reading, ...]:
        made: list[Reading] = []
        if enterprise(self._memory.owner) == counters.EPSON:
            began = self._now()
            found = await self._agent.walk(counters.EPSON_TOTALS)
            made += counters.epson_readings(found, (began + self._now()) // 2)
        began = self._now()
        markers = await self._table(MARKERS)
        made += counters.readings(markers, (began + self._now()) // 2)
        return counters.told(made, (began + self._now()) // 2)  # the maker's are the finer ones

    async def _vital(self) -> Mapping[str, Value]:
        """What every read asks first: how it is, and whether it still is who it was."""
        device = self._memory.device
        bases = (DEVICE_STATUS, PRINTER_STATUS, DETECTED_ERRORS, SERIAL_NUMBER)
        return await self._agent.get([*(f"{base}.{device}" for base in bases), UPTIME])

    def _is_another(self, vital: Mapping[str, Value]) -> bool:
        memory = self._memory
        serial = vital.get(f"{SERIAL_NUMBER}.{memory.device}")
        return bool(serial and memory.serial) and serial != memory.serial

    async def _status(
        self, vital: Mapping[str, Value], *, fresh: bool
    ) -> tuple[Status, tuple[Condition, ...]]:
        memory = self._memory
        device = memory.device or 1
        errors = vital.get(f"{DETECTED_ERRORS}.{device}")
        status = Status(
            index=device,
            device=_whole(vital.get(f"{DEVICE_STATUS}.{device}")),
            printer=_whole(vital.get(f"{PRINTER_STATUS}.{device}")),
            errors=errors if isinstance(errors, bytes) else None,
        )
        rows = await self._table(ALERTS)
        if not fresh and (memory.troubled or not status.calm):
            await self._parts()
        places = memory.parts.places(memory.charset)
        places |= {one.component: one.supply.name for one in memory.supplies}
        printer = alerts.Printer(
            uptime=_whole(vital.get(UPTIME)),
            charset=memory.charset,
            supplies={one.index[-1]: one.component for one in memory.supplies},
            places=places,
            pjl=enterprise(memory.owner) == alerts.BROTHER,
        )
        found = conditions(
            [
                *alerts.troubles(rows, printer),
                *subunits.troubles(memory.parts, places),
                *subunits.supply_troubles(memory.supplies),
            ],
            status,
        )
        # Only now: bits look for the kind of part that they tell of.
        trays = subunits.numbered(places)
        return status, tuple(
            replace(one, component=trays.get(one.component, one.component)) for one in found
        )


async def _if_told(asked: Awaitable[Mapping[str, Value]]) -> Mapping[str, Value]:
    """What only names or places something may be refused; alerts, supplies and counts may not."""
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
