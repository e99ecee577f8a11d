"""Asking SNMP agents: v1, v2c and v3 over UDP.

::

    Agent                     the port: `SnmpAgent` here, `protocols.snmp.replay.ReplayAgent`
      |  get(oids)            those that the agent has
      |  walk(base, ...)      everything below, in order; one bulk walk a table
      v
    Session                   one socket
      |-- community           v1 and v2c, over the codec in `protocols.snmp.ber`
      `-- v3                  v3: its user's keys, with gufo-snmp behind a fence

One request at a time goes through a session. After an error the next request makes a new one: an
agent that restarted never forgives an old session of v3. Whatever an agent answers, a walk ends:
object identifiers must grow, and rows, bytes and time are bounded.

Importing this module does not import gufo-snmp; opening the first session of v3 does.

Sources: design section 4, docs/adr/0014; RFC 3416 (v2c), RFC 3414 (v3), RFC 1157 (v1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from console.templates import snmp
from console.text import Duration
from protocols.errors import ErrorResponse, Timeout
from protocols.snmp.model import Session, Version, WalkGuard

if TYPE_CHECKING:
    from protocols.snmp.model import SecretResolver, Target, Value

WALK_LIMIT_S: Final = 45.0
"""What one walk may take; an agent that trickles is as good as silent."""

T = TypeVar("T")


class SnmpAgent:
    """A `protocols.snmp.model.Agent` on the network.

    Args:
        target: The agent and how it is spoken to.
        resolve_secret: Returns the secrets behind references, each time a session is made.
    """

    def __init__(self, target: Target, resolve_secret: SecretResolver = str) -> None:
        self.target = target
        self._resolve_secret = resolve_secret
        self._turn = asyncio.Lock()
        self._session: Session | None = None

    @property
    def where(self) -> str:
        """See `Agent`."""
        return self.target.where

    async def get(self, oids: Sequence[str]) -> Mapping[str, Value]:
        """See `Agent`. Cancelling abandons the session with its answer."""

        async def ask(session: Session) -> dict[str, Value]:
            return await session.get(oids)

        return await self._ask(ask)

    async def walk(self, base: str, columns: Collection[int] = ()) -> Mapping[str, Value]:
        """See `Agent`. Cancelling abandons the session with its answer."""

        async def ask(session: Session) -> dict[str, Value]:
            guard = WalkGuard(self.where)
            await session.walk(base, guard.take, columns)
            return guard.rows

        try:
            async with asyncio.timeout(WALK_LIMIT_S):
                return await self._ask(ask)
        except TimeoutError as error:
            what = snmp.SLOW_WALK(oid=base, limit=Duration(WALK_LIMIT_S))
            raise Timeout(what, where=self.where, next_step=snmp.CHECK_LOAD()) from error

    def close(self) -> None:
        """See `Agent`. Who is asking just now gets the answer; the socket goes with it."""
        if self._turn.locked():
            self._session = None
        else:
            self._forget()

    def _forget(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    async def _ask(self, ask: Callable[[Session], Awaitable[T]]) -> T:
        """Ask; in v3 once more where nothing came or an agent that restarted knows us no longer.

        The second attempt is written out, not tenacity's: it neither waits nor repeats, and whether
        an error-status is worth one depends on the session that got it, not on the error alone.
        """
        async with self._turn:
            if self.target.version is not Version.V3:
                return await self._attempt(ask)
            known = self._session is not None
            try:
                return await self._attempt(ask)
            except Timeout:
                pass
            except ErrorResponse:
                if not known:
                    raise
            return await self._attempt(ask)

    async def _attempt(self, ask: Callable[[Session], Awaitable[T]]) -> T:
        try:
            return await ask(await self._opened())
        except BaseException:
            self._forget()  # an answer may be under way, or the library be broken
            raise

    async def _opened(self) -> Session:
        if self._session is None:
            target = self.target.with_secrets(self._resolve_secret)
            if target.version is Version.V3:
                from protocols.snmp.v3 import open_session  # loads the library

                self._session = await open_session(target)
            else:
                from protocols.snmp.community import open_session as open_community

                self._session = await open_community(target)
        return self._session
