"""How asking an SNMP agent fails before it says anything, in words; the same for every version."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Any

from protocols.errors import Timeout, Unreachable
from protocols.snmp.model import Target, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a name leads.

    Attributes:
        family: Of the address: IPv4 or IPv6.
        address: As sockets take it, port included; with the zone of a link-local one.
    """

    family: socket.AddressFamily
    address: tuple[Any, ...]


async def resolved(target: Target) -> Place:
    """Where the target's name leads; raises `Unreachable`."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(target.timeout_s):
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)
    except (TimeoutError, OSError, UnicodeError) as error:
        step = "Check the name, or give the address; does this box have a name server?"
        raise Unreachable("its name is unknown", where=target.where, next_step=step) from error
    family, _, _, _, address = found[0]
    return Place(family=family, address=address)


def silent(target: Target) -> Timeout:
    """Nothing came in time."""
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


def closed(target: Target) -> Unreachable:
    """The host is there and says that its port is closed."""
    step = "Turn SNMP on in the device's settings, or name another port"
    return Unreachable("nothing listens there", where=target.where, next_step=step)
