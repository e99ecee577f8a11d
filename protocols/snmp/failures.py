"""Errors of asking an SNMP agent before it says anything; the same for every version."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Any

from console.templates import snmp, system
from console.text import Duration, Message
from protocols.errors import InvalidResponse, Timeout, Unreachable, unknown_name
from protocols.snmp.model import Target, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A socket address that a name resolved to.

    Attributes:
        family: IPv4 or IPv6.
        address: The address as sockets take it, port included; with the zone of a link-local one.
    """

    family: socket.AddressFamily
    address: tuple[Any, ...]


async def resolve(target: Target) -> Endpoint:
    """The address of the target; raises `Unreachable` where its name does not resolve."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(target.timeout_s):
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)
    except (TimeoutError, OSError, UnicodeError) as error:
        raise unknown_name(target.host, target.where, error) from error
    family, _, _, _, address = found[0]
    return Endpoint(family=family, address=address)


def no_answer(target: Target) -> Timeout:
    """The error that nothing came in time."""
    secret = target.version is Version.V3
    step = snmp.CHECK_PRIVACY() if secret else snmp.CHECK_COMMUNITY()
    limit = Duration(target.timeout_s)
    what = snmp.NO_RESPONSE(version=target.version.value, limit=limit)
    return Timeout(what, where=target.where, next_step=step)


def port_closed(target: Target) -> Unreachable:
    """The error that the host is there and its port is closed."""
    what = snmp.PORT_CLOSED(port=target.port)
    return Unreachable(what, where=target.where, next_step=snmp.TURN_ON())


def not_sent(target: Target, error: OSError) -> Unreachable:
    """The error that the system did not send a request, or take its answer."""
    return Unreachable(snmp.NOT_SENT(), where=target.where, why=system.reason(error))


def undecodable(target: Target, why: Message) -> InvalidResponse:
    """The error that something came that is not an SNMP message."""
    return InvalidResponse(
        expected=snmp.RESPONSE(),
        came=snmp.UNDECODABLE(),
        where=target.where,
        why=why,
        next_step=snmp.CHECK_AGENT(),
    )
