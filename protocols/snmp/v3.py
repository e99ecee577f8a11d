"""One session of v3, with gufo-snmp, and the fence around that library.

What the library does, and what becomes of it here (all seen, with 0.13)::

    SnmpAuthError                     ErrorResponse    user or key; v3 alone says no
    TimeoutError, at once             Unreachable      ICMP: the host is there, the port is closed
    TimeoutError, after the timeout   Timeout
    OSError                           Unreachable
    SnmpError, ValueError, ...        InvalidResponse
    PanicException                    InvalidResponse  a BaseException, on mangled replies
    NoSuchInstance                    left out of the answer
    {} of many, then None of one      ErrorResponse    an error-status, of which it says no more
    a bulk request that is refused    like an empty table: it cannot be told

The names of hosts are resolved here, before a session is made: the library takes addresses only.

Source: design section 4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, TypeVar

from gufo.snmp import (
    Aes128Key,
    Aes192Key,
    Aes256Key,
    BaseAuthKey,
    BasePrivKey,
    DesKey,
    KeyExpansion,
    Md5Key,
    NoSuchInstance,
    Sha1Key,
    Sha224Key,
    Sha256Key,
    Sha384Key,
    Sha512Key,
    SnmpAuthError,
    SnmpError,
    SnmpVersion,
)
from gufo.snmp import User as GufoUser
from gufo.snmp.aio import SnmpSession

from console.templates import snmp
from console.text import NO_MESSAGE
from protocols.errors import ErrorResponse, InvalidResponse
from protocols.snmp.failures import no_answer, not_sent, port_closed, resolve, undecodable
from protocols.snmp.model import RowSink, Target, Value

REPETITIONS: Final = 16
"""Rows of a bulk answer: with long descriptions they still fit what agents send."""
GENERAL_ERROR: Final = 5
NO_ACCESS: Final = 16
"""What a refused user or key is numbered: authorizationError (RFC 3416, 3)."""
_PANICS: Final = "pyo3_runtime"
"""The module of the exception that a panic of the library becomes."""

_AUTHENTICATIONS: Final[dict[str, type[BaseAuthKey]]] = {
    "md5": Md5Key,
    "sha": Sha1Key,
    "sha224": Sha224Key,
    "sha256": Sha256Key,
    "sha384": Sha384Key,
    "sha512": Sha512Key,
}
_PRIVACIES: Final[dict[str, tuple[type[BasePrivKey], KeyExpansion]]] = {
    "des": (DesKey, KeyExpansion.Blumenthal),
    "aes128": (Aes128Key, KeyExpansion.Blumenthal),
    "aes192": (Aes192Key, KeyExpansion.Blumenthal),
    "aes256": (Aes256Key, KeyExpansion.Blumenthal),
    "aes192c": (Aes192Key, KeyExpansion.Cisco),
    "aes256c": (Aes256Key, KeyExpansion.Cisco),
}

T = TypeVar("T")


async def open_session(target: Target) -> UserSession:
    """A session with an agent of v3, asked who it is.

    Raises:
        ProtocolError: The name is unknown, or the agent is silent or knows no such user.
    """
    endpoint = await resolve(target)
    fence = _Fence(target)

    async def make() -> SnmpSession:
        session = SnmpSession(
            str(endpoint.address[0]),
            port=target.port,
            user=_user(target),
            version=SnmpVersion.v3,
            timeout=target.timeout_s + 60,  # the fence has its own, for what it counts as silence
            max_repetitions=REPETITIONS,
        )
        await session.refresh()
        return session

    session = await fence.through(make)
    assert session is not None, "only variables can be missing"
    return UserSession(session, fence)


class UserSession:
    """The `protocols.snmp.model.Session` of v3.

    Args:
        session: The library's.
        fence: What every call goes through.
    """

    def __init__(self, session: SnmpSession, fence: _Fence) -> None:
        self._session = session
        self._fence = fence

    async def get(self, oids: Sequence[str]) -> dict[str, Value]:
        """See `protocols.snmp.model.Session`."""

        async def ask() -> object:
            return await self._session.get_many(oids)

        answered = await self._fence.through(ask)
        found = dict(answered) if isinstance(answered, dict) else {}
        found = found or await self._one_by_one(oids)
        return {oid: found[oid] for oid in oids if _is_value(found.get(oid))}

    async def _one_by_one(self, oids: Sequence[str]) -> dict[str, Value]:
        """The values of variables that together gave nothing: none is there, or one is refused."""
        found: dict[str, Value] = {}
        refused = ""
        for oid in oids:

            async def ask(oid: str = oid) -> tuple[object]:
                return (await self._session.get(oid),)  # within something: a value may be nothing

            answered = await self._fence.through(ask)
            if answered is None:
                continue
            (value,) = answered
            if isinstance(value, int | float | bytes | str):
                found[oid] = value
            else:
                refused = refused or oid
        if refused and not found:
            raise self._fence.not_told(refused)
        return found

    async def walk(self, base: str, take: RowSink, columns: Collection[int] = ()) -> None:
        """See `protocols.snmp.model.Session`; v3 has bulk requests."""
        rows = self._session.fetch(base)

        async def ask() -> tuple[str, object] | None:
            try:
                return await anext(rows)
            except StopAsyncIteration:
                return None  # an exception of this kind could not pass through a coroutine

        while (row := await self._fence.through(ask)) is not None:
            oid, value = row
            take(oid, value if isinstance(value, int | float | bytes | str) else None)

    def close(self) -> None:
        """See `protocols.snmp.model.Session`: the library closes with its last reference."""


class _Fence:
    """Lets nothing of the library out but values and `protocols.errors.ProtocolError`."""

    def __init__(self, target: Target) -> None:
        self._target = target

    async def through(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """What ``ask`` returns; ``None`` where the agent has no such variable."""
        try:
            async with asyncio.timeout(self._target.timeout_s) as limit:
                return await ask()
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except NoSuchInstance:
            return None
        except SnmpAuthError as error:
            raise self._error_response() from error
        except TimeoutError as error:
            why = no_answer(self._target) if limit.expired() else port_closed(self._target)
            raise why from error
        except OSError as error:
            raise not_sent(self._target, error) from error
        except (SnmpError, ValueError, RuntimeError, OverflowError, UnicodeError) as error:
            raise self._invalid_response(error) from error
        except BaseException as error:  # a panic of the library is no Exception
            if type(error).__module__ != _PANICS:
                raise
            raise self._invalid_response(error) from error

    def not_told(self, oid: str) -> ErrorResponse:
        """An error-status; with a single variable that may be read, there is but one (4.2.1)."""
        return ErrorResponse(
            code=GENERAL_ERROR,
            reason=snmp.GENERAL_ERROR(),
            what=snmp.NOT_READ(oid=oid),
            where=self._target.where,
            next_step=snmp.ALLOW_USER(),
        )

    def _error_response(self) -> ErrorResponse:
        user = self._target.user.name if self._target.user else ""
        return ErrorResponse(
            code=NO_ACCESS,
            reason=snmp.UNAUTHORIZED(),
            what=snmp.USER_REFUSED(name=user),
            where=self._target.where,
            next_step=snmp.CHECK_USER(),
        )

    def _invalid_response(self, error: BaseException) -> InvalidResponse:
        reason = str(error)
        why = snmp.LIBRARY_REASON(reason=reason) if reason else NO_MESSAGE
        return undecodable(self._target, why)


def _is_value(value: object) -> bool:
    return isinstance(value, int | float | bytes | str)


def _user(target: Target) -> GufoUser:
    user = target.user
    assert user is not None  # `open_session` is for v3, which has one
    authentication = privacy = None
    expansion = KeyExpansion.Blumenthal
    if user.authentication:
        kind = _AUTHENTICATIONS[user.authentication]
        authentication = kind(user.authentication_key.encode())
    if user.privacy:
        private, expansion = _PRIVACIES[user.privacy]
        privacy = private(user.privacy_key.encode())
    return GufoUser(user.name, auth_key=authentication, priv_key=privacy, key_expansion=expansion)
