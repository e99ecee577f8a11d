"""One session of gufo-snmp, and the fence around that library.

What the library does, and what becomes of it here (all seen, with 0.13)::

    SnmpAuthError                     Refused      user or key; v3 alone says no
    TimeoutError, at once             Unreachable  ICMP: the host is there, the port is closed
    TimeoutError, after the timeout   Timeout
    OSError                           Unreachable
    SnmpError, ValueError, ...        Garbled
    PanicException                    Garbled      a BaseException, on mangled replies
    NoSuchInstance; None, {} of v1    left out of the answer

The names of hosts are resolved here, before a session is made: the library takes addresses only.

Source: design section 4.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
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

from protocols.errors import Garbled, Refused, Timeout, Unreachable
from protocols.snmp import Target, Value, Version

REPETITIONS: Final = 16
"""Rows of a bulk answer: with long descriptions they still fit what agents send."""
NO_ACCESS: Final = 16
"""What a refused user or key is numbered: authorizationError (RFC 3416, 3)."""
_PANICS: Final = "pyo3_runtime"
"""The module of the exception that a panic of the library becomes."""

_VERSIONS: Final = {
    Version.V1: SnmpVersion.v1,
    Version.V2C: SnmpVersion.v2c,
    Version.V3: SnmpVersion.v3,
}
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


async def open_session(target: Target) -> Session:
    """A session with an agent; asks it who it is where v3 needs that.

    Raises:
        ProtocolError: The name is unknown, or the agent of v3 is silent or knows no such user.
    """
    address = await _resolved(target)
    fence = _Fence(target)

    async def make() -> SnmpSession:
        session = SnmpSession(
            address,
            port=target.port,
            community=target.community,
            user=_user(target),
            version=_VERSIONS[target.version],
            timeout=target.timeout_s + 60,  # the fence has its own, for what it counts as silence
            max_repetitions=REPETITIONS,
        )
        if target.version is Version.V3:
            await session.refresh()
        return session

    session = await fence.through(make)
    assert session is not None, "only variables can be missing"
    return Session(session, fence, target.version)


class Session:
    """What one socket asks; one request at a time.

    Args:
        session: The library's.
        fence: What every call goes through.
        version: Of the protocol.
    """

    def __init__(self, session: SnmpSession, fence: _Fence, version: Version) -> None:
        self._session = session
        self._fence = fence
        self._version = version

    async def get(self, oids: Sequence[str]) -> dict[str, Value]:
        """The values of the variables there are; raises `protocols.errors.ProtocolError`."""

        async def ask() -> object:
            return await self._session.get_many(oids)

        answered = await self._fence.through(ask)
        found = dict(answered) if isinstance(answered, dict) else {}
        if not found and self._version is Version.V1 and len(oids) > 1:
            # v1 refuses the whole request for one variable that it lacks.
            for oid in oids:
                found |= await self.get([oid])
        return {oid: found[oid] for oid in oids if _is_value(found.get(oid))}

    async def walk(self, base: str, take: Callable[[str, Value], None]) -> None:
        """Give everything below ``base`` to ``take``, whose errors end the walk."""
        rows = self._session.fetch(base)

        async def ask() -> tuple[str, object] | None:
            try:
                return await anext(rows)
            except StopAsyncIteration:
                return None  # an exception of this kind could not pass through a coroutine

        while (row := await self._fence.through(ask)) is not None:
            oid, value = row
            if isinstance(value, int | float | bytes | str):
                take(oid, value)


class _Fence:
    """Lets nothing of the library out but values and `protocols.errors.ProtocolError`."""

    def __init__(self, target: Target) -> None:
        self._target = target

    async def through(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """What ``ask`` returns; ``None`` where the agent has no such variable."""
        where = self._target.where
        try:
            async with asyncio.timeout(self._target.timeout_s) as limit:
                return await ask()
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except NoSuchInstance:
            return None
        except SnmpAuthError as error:
            raise self._refused() from error
        except TimeoutError as error:
            if limit.expired():
                raise self._silent() from error
            step = "Turn SNMP on in the device's settings, or name another port"
            raise Unreachable("nothing listens there", where=where, next_step=step) from error
        except OSError as error:
            raise Unreachable(error.strerror or str(error), where=where) from error
        except (SnmpError, ValueError, RuntimeError, OverflowError, UnicodeError) as error:
            raise self._garbled(error) from error
        except BaseException as error:  # a panic of the library is no Exception
            if type(error).__module__ != _PANICS:
                raise
            raise self._garbled(error) from error

    def _silent(self) -> Timeout:
        target = self._target
        step = (
            "Check the address, that SNMP is on, and the community: an agent is silent to one "
            "that it does not know"
        )
        if target.version is Version.V3:
            step = (
                "Check the address, that SNMPv3 is on, and the privacy key: an agent is silent "
                "where it cannot decrypt"
            )
        what = f"no answer to SNMP v{target.version.value} within {target.timeout_s:g} s"
        return Timeout(what, where=target.where, next_step=step)

    def _refused(self) -> Refused:
        user = self._target.user.name if self._target.user else ""
        return Refused(
            code=NO_ACCESS,
            reason="authorization error",
            what=f"the agent does not accept the user {user!r}",
            where=self._target.where,
            next_step="Check the user's name, auth=, priv= and the key behind auth_key=, and that "
            "the device allows this user to read",
        )

    def _garbled(self, error: BaseException) -> Garbled:
        came = f"what cannot be understood ({str(error)[:120] or type(error).__name__})"
        return Garbled(expected="an SNMP answer", came=came, where=self._target.where)


def _is_value(value: object) -> bool:
    return isinstance(value, int | float | bytes | str)


async def _resolved(target: Target) -> str:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(target.timeout_s):
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)
    except (TimeoutError, OSError, UnicodeError) as error:
        step = "Check the name, or give the address; does this box have a name server?"
        raise Unreachable("its name is unknown", where=target.where, next_step=step) from error
    return str(found[0][4][0])


def _user(target: Target) -> GufoUser | None:
    user = target.user
    if target.version is not Version.V3 or user is None:
        return None
    authentication = privacy = None
    expansion = KeyExpansion.Blumenthal
    if user.authentication:
        kind = _AUTHENTICATIONS[user.authentication]
        authentication = kind(user.authentication_key.encode())
    if user.privacy:
        private, expansion = _PRIVACIES[user.privacy]
        privacy = private(user.privacy_key.encode())
    return GufoUser(user.name, auth_key=authentication, priv_key=privacy, key_expansion=expansion)
