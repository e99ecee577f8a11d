"""An agent without a network, which answers from a walk: drivers can be tried anywhere.

`ReplayAgent` keeps the contract of `protocols.snmp.model.Agent`; the same tests run over it, over
`protocols.snmp.agent.SnmpAgent` and Debian's snmpd.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from console.templates.protocol import NO_RESPONSE
from protocols.errors import Timeout
from protocols.snmp.model import Value
from protocols.snmp.snmprec import Walk

if TYPE_CHECKING:
    from protocols.snmp.model import Agent


class ReplayAgent:
    """An agent that answers from a walk.

    Args:
        walk: What it answers; `recording` may be exchanged while it is in use.
        where: Its name, for people.

    Attributes:
        silent: Whether it answers nothing, which takes no time here.
        asked: What it was asked: identifiers of variables and bases of walks.
    """

    def __init__(self, walk: Walk, where: str = "replay") -> None:
        self.recording = walk
        self.silent = False
        self.asked: list[str] = []
        self._where = where

    @property
    def where(self) -> str:
        """See `protocols.snmp.model.Agent`."""
        return self._where

    async def get(self, oids: Sequence[str]) -> Mapping[str, Value]:
        """See `protocols.snmp.model.Agent`."""
        await self._answering(*oids)
        rows = self.recording.rows
        return {oid: rows[oid] for oid in oids if oid in rows}

    async def walk(self, base: str, columns: Collection[int] = ()) -> Mapping[str, Value]:
        """See `protocols.snmp.model.Agent`; it knows bulk requests."""
        await self._answering(base)
        return self.recording.below(base)

    def close(self) -> None:
        """See `protocols.snmp.model.Agent`; nothing is open."""

    async def _answering(self, *oids: str) -> None:
        self.asked += oids
        await asyncio.sleep(0)  # a real agent lets others run, and can be cancelled here
        if self.silent:
            raise Timeout(NO_RESPONSE(), where=self._where)


class RecordingAgent:
    """A `protocols.snmp.model.Agent` that records what another one answers.

    Args:
        agent: The other one.
    """

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._rows: dict[str, Value] = {}

    @property
    def where(self) -> str:
        """See `protocols.snmp.model.Agent`: the other one's."""
        return self._agent.where

    @property
    def recording(self) -> Walk:
        """The walk of what the other one has answered so far."""
        return Walk.parse(Walk(self._rows).text())

    async def get(self, oids: Sequence[str]) -> Mapping[str, Value]:
        """See `protocols.snmp.model.Agent`."""
        found = await self._agent.get(oids)
        self._rows |= found
        return found

    async def walk(self, base: str, columns: Collection[int] = ()) -> Mapping[str, Value]:
        """See `protocols.snmp.model.Agent`."""
        found = await self._agent.walk(base, columns)
        self._rows |= found
        return found

    def close(self) -> None:
        """See `protocols.snmp.model.Agent`: closes the other one."""
        self._agent.close()
