"""One session of v1 or v2c: a connected UDP socket, and what it makes of an agent's refusals.

::

    Session     get, walk               what error-status means, see below
      v
    _Channel    one request, its answer     sent again while nothing comes; others are thrown away
      v
    ber         the octets

An agent that cannot answer says why in its error-status, and where in its error-index::

    noSuchName     2     v1's way to say that it has no such variable: left out
    tooBig         1     asked for less at a time
    genErr         5     of a get: asked for one at a time;  of a bulk: asked for one row at a time
    any other            as genErr; authorizationError (16), noAccess (6): it may not be read

What is refused beside variables that are told is left out. Where everything that was asked for is
refused, or a walk cannot go on, that is an `ErrorResponse`: a table that may not be read never
looks like an empty one. In v1, which has no bulk requests, the columns of a table are walked
abreast, a row with each request.

The kernel takes datagrams of a connected socket from that address and port only; answers to other
requests are thrown away here. Sources: RFC 1157 section 4.1, RFC 3416 sections 3 and 4.2.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import weakref
from collections.abc import Collection, Sequence
from typing import Final

from console.templates import snmp
from protocols.errors import ErrorResponse
from protocols.snmp import ber
from protocols.snmp.ber import MalformedError, Oid, Request, Response, Variable
from protocols.snmp.failures import no_answer, not_sent, port_closed, resolve, undecodable
from protocols.snmp.model import TRIES, RowSink, Target, Value, Version, WalkGuard, oid_key

REPETITIONS: Final = 16
"""Rows of a bulk answer: with long descriptions they still fit what agents send."""
TOO_BIG: Final = 1
NO_SUCH_NAME: Final = 2
_REASONS: Final = {
    TOO_BIG: snmp.TOO_BIG,
    NO_SUCH_NAME: snmp.NO_SUCH_NAME,
    3: snmp.BAD_VALUE,
    4: snmp.READ_ONLY,
    5: snmp.GENERAL_ERROR,
    6: snmp.NO_ACCESS,
    13: snmp.UNAVAILABLE,
    16: snmp.UNAUTHORIZED,
}
_NUMBERS: Final = 1 << 31
_DATAGRAM: Final = 65_535
_VERSIONS: Final = {Version.V1: ber.VERSION_1, Version.V2C: ber.VERSION_2C}


async def open_session(target: Target) -> CommunitySession:
    """A session with an agent; raises `protocols.errors.Unreachable`. Nothing is sent yet."""
    endpoint = await resolve(target)
    try:
        sock = socket.socket(endpoint.family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.connect(endpoint.address)  # UDP: nothing is sent, and it does not wait
        except BaseException:
            sock.close()
            raise
    except OSError as error:
        raise not_sent(target, error) from error
    return CommunitySession(_Channel(target, sock))


class CommunitySession:
    """The `protocols.snmp.model.Session` of v1 and v2c."""

    def __init__(self, channel: _Channel) -> None:
        self._channel = channel

    async def get(self, oids: Sequence[str]) -> dict[str, Value]:
        """See `protocols.snmp.model.Session`."""
        found: dict[str, Value] = {}
        refused: ErrorResponse | None = None
        waiting = [tuple(map(oid_key, oids))]
        while waiting:
            asked = waiting.pop()
            answer = await self._channel.ask(ber.GET, asked)
            if not answer.error:
                found |= _values(answer, asked)
            elif len(asked) > 1:
                waiting += _apart(asked, answer)
            elif answer.error != NO_SUCH_NAME:
                refused = refused or self._error_response(answer.error, asked[0])
        if refused and not found:
            raise refused
        return {oid: found[oid] for oid in oids if oid in found}

    async def walk(self, base: str, take: RowSink, columns: Collection[int] = ()) -> None:
        """See `protocols.snmp.model.Session`."""
        if self._channel.target.version is Version.V2C:
            await self._onward(oid_key(base), oid_key(base), take, REPETITIONS)
        elif not columns:
            await self._onward(oid_key(base), oid_key(base), take)
        else:
            made = [
                _Column(oid_key(f"{base}.{column}"), self._channel.target.where)
                for column in sorted(columns)
            ]
            await self._abreast(made)
            for one in made:
                for oid, value in one.guard.rows.items():
                    take(oid, value)

    async def _onward(self, root: Oid, last: Oid, take: RowSink, repetitions: int = 0) -> None:
        """Give what is below ``root`` and after ``last`` to ``take``; in bulk, with repetitions."""
        while True:
            kind = ber.GET_BULK if repetitions else ber.GET_NEXT
            answer = await self._channel.ask(kind, (last,), repetitions)
            if answer.error == NO_SUCH_NAME or not (answer.rows or answer.error):
                return
            if answer.error and not repetitions:
                raise self._error_response(answer.error, last)
            if answer.error:
                # Some agents cannot tell as much at once, some know no bulk requests at all.
                repetitions = repetitions // 4 if answer.error == TOO_BIG else 0
                continue
            for oid, variable in answer.rows:
                if oid[: len(root)] != root or variable.tag == ber.END_OF_MIB:
                    return
                take(_text(oid), ber.value_of(variable))
                last = oid

    async def _abreast(self, columns: Sequence[_Column]) -> None:
        """Walk several columns with one request a row, as far as the agent goes along."""
        left = list(columns)
        while left:
            asked = tuple(column.last for column in left)
            answer = await self._channel.ask(ber.GET_NEXT, asked)
            if answer.error == NO_SUCH_NAME and 1 <= answer.index <= len(left):
                del left[answer.index - 1]
            elif answer.error or len(answer.rows) != len(left):
                for column in left:
                    await self._onward(column.root, column.last, column.guard.take)
                return
            else:
                rows = zip(left, answer.rows, strict=True)
                left = [column for column, row in rows if column.took(*row)]

    def close(self) -> None:
        """See `protocols.snmp.model.Session`."""
        self._channel.close()

    def _error_response(self, error: int, oid: Oid) -> ErrorResponse:
        known = _REASONS.get(error)
        return ErrorResponse(
            code=error,
            reason=known() if known else snmp.UNKNOWN_ERROR(code=error),
            what=snmp.NOT_READ(oid=_text(oid)),
            where=self._channel.target.where,
            next_step=snmp.ALLOW_COMMUNITY(),
        )


class _Column:
    """How far the walk of one column has come."""

    def __init__(self, root: Oid, where: str) -> None:
        self.root = self.last = root
        self.guard = WalkGuard(where)

    def took(self, oid: Oid, variable: Variable) -> bool:
        """Take its next row; whether that still was of this column."""
        if oid[: len(self.root)] != self.root:
            return False
        self.guard.take(_text(oid), ber.value_of(variable))
        self.last = oid
        return True


def _values(answer: Response, asked: Sequence[Oid]) -> dict[str, Value]:
    said = {oid: ber.value_of(variable) for oid, variable in answer.rows}
    return {_text(oid): value for oid in asked if (value := said.get(oid)) is not None}


def _apart(asked: tuple[Oid, ...], answer: Response) -> list[tuple[Oid, ...]]:
    """What to ask for in place of ``asked``, which is more than one; it always becomes less."""
    if answer.error == TOO_BIG:
        half = len(asked) // 2
        return [asked[half:], asked[:half]]
    place = answer.index - 1
    if not 0 <= place < len(asked):
        return [(oid,) for oid in asked]
    others = asked[:place] + asked[place + 1 :]
    return [others] if answer.error == NO_SUCH_NAME else [(asked[place],), others]


def _text(oid: Oid) -> str:
    return ".".join(map(str, oid))


class _Channel:
    """Requests and their answers, one at a time; the socket goes with its last reference."""

    def __init__(self, target: Target, sock: socket.socket) -> None:
        self.target = target
        self._socket = sock
        self._number = secrets.randbelow(_NUMBERS)  # another session's late answers are not ours
        self.close = weakref.finalize(self, sock.close)

    async def ask(self, kind: int, oids: tuple[Oid, ...], repetitions: int = 0) -> Response:
        """The answer; raises `ProtocolError`. Cancelled, it leaves an answer to be thrown away."""
        self._number = (self._number + 1) % _NUMBERS
        request = Request(
            version=_VERSIONS[self.target.version],
            community=self.target.community.encode(),
            kind=kind,
            number=self._number,
            first=0,
            second=repetitions,
            oids=oids,
        )
        data = ber.encode(request)
        try:
            # Retransmission, not a library's retries: nothing is waited for in between, and an
            # answer to an earlier datagram of this request counts as well as one to the last.
            for _ in range(TRIES):
                await asyncio.get_running_loop().sock_sendall(self._socket, data)
                answer = await self._answer()
                if answer is not None:
                    return answer
        except ConnectionRefusedError as error:
            raise port_closed(self.target) from error
        except OSError as error:
            raise not_sent(self.target, error) from error
        except MalformedError as error:
            raise undecodable(self.target, error.what) from error
        raise no_answer(self.target)

    async def _answer(self) -> Response | None:
        """What comes to the request, if it comes in time; answers to others do not make it late."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.target.timeout_s
        while (left := end - loop.time()) > 0:
            try:
                async with asyncio.timeout(left):
                    data = await loop.sock_recv(self._socket, _DATAGRAM)
            except TimeoutError:
                return None
            answer = ber.decode_response(data)
            if answer.number == self._number:
                return answer
            await asyncio.sleep(0)  # many that wait must not hold up everybody else
        return None
