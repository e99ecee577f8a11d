"""An SNMP agent for v1 and v2c whose variables can be changed while it runs.

    printer = Variables.of(text)                    # a walk, see `protocols.snmp.snmprec`
    async with SnmpSimulator(printer) as simulator:
        printer.set("1.3.6.1.2.1.25.3.5.1.2.1", bytes((4, 0)))      # jammed

It answers get, get next and get bulk; a set is refused. What is no such request, or names another
community, is left unanswered, as agents do.

Sources: RFC 1157 section 4.1 (v1), RFC 3416 section 4.2 (v2c), RFC 2576 section 4.1.2.1 (v1 does
not know 64-bit counters).
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Self, cast

from protocols.snmp import ber
from protocols.snmp.ber import MalformedError, Oid, Request, Variable
from protocols.snmp.model import Value, oid_key
from protocols.snmp.snmprec import Walk

ANSWER_LIMIT: Final = 1472
"""Bytes of an answer: what an Ethernet frame carries."""
REPETITIONS_LIMIT: Final = 200
_TOO_BIG: Final = 1
_NO_SUCH_NAME: Final = 2
_NO_ACCESS: Final = 6
_END: Final = Variable(ber.END_OF_MIB)
_NOTHING: Final = Variable(ber.NO_SUCH_OBJECT)
_UNASKED: Final = Variable(ber.NULL)

Row = tuple[Oid, Variable]


@dataclass(slots=True)
class Variables:
    """What an agent has, in the order of the identifiers.

    Attributes:
        community: Who may read it.
        silent: Whether it leaves every request unanswered.
        requests: How many it was asked.
    """

    community: bytes = b"public"
    silent: bool = False
    requests: int = 0
    _rows: dict[Oid, Variable] = field(default_factory=dict)
    _order: list[Oid] = field(default_factory=list)

    @classmethod
    def of(cls, text: str, community: str = "public") -> Self:
        """The variables of a walk, with their types; raises `protocols.snmp.snmprec.WalkError`."""
        made = cls(community=community.encode())
        walk = Walk.parse(text)
        types = dict(_types(text))
        for oid, value in walk.rows.items():
            made._rows[oid_key(oid)] = _variable(value, types[oid_key(oid)])
        made._order = sorted(made._rows)
        return made

    def set(self, oid: str, value: Value) -> None:
        """Let a variable have another value, of the type it has; a new one gets a plain type."""
        key = oid_key(oid)
        before = self._rows.get(key)
        self._rows[key] = _variable(value, before.tag if before else _plain(value))
        if before is None:
            self._order.insert(bisect_right(self._order, key), key)

    def drop(self, oid: str) -> None:
        """Let a variable be no more; nothing happens where it is not."""
        key = oid_key(oid)
        if self._rows.pop(key, None) is not None:
            self._order.remove(key)

    def answer(self, data: bytes) -> bytes | None:
        """The datagram that answers one, if any does; never raises for what is in it."""
        try:
            request = ber.decode(data)
        except MalformedError:
            return None
        if request.community != self.community:
            return None
        self.requests += 1
        if self.silent:
            return None
        answers = {
            ber.GET: self._get,
            ber.GET_NEXT: self._get_next,
            ber.GET_BULK: self._get_bulk,
            ber.SET: self._set,
        }
        said = answers[request.kind](request)
        if len(said) > ANSWER_LIMIT:
            return ber.response(request, _echo(request), _TOO_BIG)
        return said

    def _get(self, request: Request) -> bytes:
        return self._either(request, lambda oid: (oid, self._there(request, oid) or _NOTHING))

    def _get_next(self, request: Request) -> bytes:
        return self._either(request, lambda oid: self._after(request, oid))

    def _set(self, request: Request) -> bytes:
        error = _NO_SUCH_NAME if request.version == ber.VERSION_1 else _NO_ACCESS
        return ber.response(request, _echo(request), error, min(len(request.oids), 1))

    def _get_bulk(self, request: Request) -> bytes:
        """As many rows as fit; what is left off is asked for again (RFC 3416, 4.2.3)."""
        rows: list[Row] = []
        room = ANSWER_LIMIT - len(ber.response(request, ())) - 12  # lengths may grow
        for row in self._bulk(request):
            room -= len(ber.bind(*row))
            if room < 0:
                break
            rows.append(row)
        return ber.response(request, rows)

    def _bulk(self, request: Request) -> Iterable[Row]:
        for oid in request.oids[: request.first]:
            yield self._after(request, oid)
        places = list(request.oids[request.first :])
        for _ in range(min(request.second, REPETITIONS_LIMIT)):
            if not places:
                return
            rows = [self._after(request, oid) for oid in places]
            yield from rows
            if all(value is _END for _, value in rows):
                return
            places = [oid for oid, _ in rows]

    def _either(self, request: Request, find: Callable[[Oid], Row]) -> bytes:
        """One row for each that is asked for; in v1 one that is missing spoils all."""
        rows = [find(oid) for oid in request.oids]
        if request.version == ber.VERSION_1:
            for index, (_, value) in enumerate(rows, 1):
                if value in (_END, _NOTHING):
                    return ber.response(request, _echo(request), _NO_SUCH_NAME, index)
        return ber.response(request, rows)

    def _after(self, request: Request, oid: Oid) -> Row:
        for key in self._order[bisect_right(self._order, oid) :]:
            value = self._there(request, key)
            if value is not None:
                return key, value
        return oid, _END

    def _there(self, request: Request, oid: Oid) -> Variable | None:
        value = self._rows.get(oid)
        new = value is not None and value.tag == ber.COUNTER64
        return None if new and request.version == ber.VERSION_1 else value


def _echo(request: Request) -> list[Row]:
    return [(oid, _UNASKED) for oid in request.oids]


def _types(text: str) -> Iterable[tuple[Oid, int]]:
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            oid, tag, _ = line.split("|", 2)
            yield oid_key(oid.strip()), int(tag.strip().removesuffix("x"))


def _plain(value: Value) -> int:
    if isinstance(value, bytes):
        return ber.OCTETS
    return ber.NAME if isinstance(value, str) else ber.INTEGER


def _variable(value: Value, tag: int) -> Variable:
    if isinstance(value, bytes):
        return Variable(tag, value)
    if isinstance(value, str):
        key = oid_key(value)
        return Variable(tag, bytes(key) if tag == ber.ADDRESS else ber.name(key))
    return Variable(tag, ber.whole(int(value)))


class SnmpSimulator:
    """``variables`` on a UDP port, used as an asynchronous context manager.

    Args:
        variables: They may be changed while it runs.
        host: Where it listens.
        port: 0 for any free one; see `port` once it runs.
    """

    def __init__(self, variables: Variables, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.variables = variables
        self.host = host
        self.port = port
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Socket(self.variables), local_addr=(self.host, self.port)
        )
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._transport is not None
        self._transport.close()


class _Socket(asyncio.DatagramProtocol):
    """Where datagrams come and go."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # it is, by duck typing

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        said = self._variables.answer(data)
        if said is not None:
            self._transport.sendto(said, addr)
