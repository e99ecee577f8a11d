"""Errors of asking an SNMP agent before it says anything; the same for every version."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Any

from protocols.errors import Timeout, Unreachable
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
        step = "Check the name, or give the address; does this box have a name server?"
        raise Unreachable("its name is unknown", where=target.where, next_step=step) from error
    family, _, _, _, address = found[0]
    return Endpoint(family=family, address=address)


def no_answer(target: Target) -> Timeout:
    """The error that nothing came in time."""
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


def port_closed(target: Target) -> Unreachable:
    """The error that the host is there and its port is closed."""
    step = "Turn SNMP on in the device's settings, or name another port"
    return Unreachable("nothing listens there", where=target.where, next_step=step)
