"""Which connection makes room where there are too many: the oldest of the largest network. Pure.

A box that claims needs its connection for a second; an attacker holds connections for as
long as they last. So a newcomer is always let in, and a share for each address keeps one address
from ending the connections of others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final, Generic, TypeVar

IPV6_NETWORK_BITS: Final = 64
"""The bits of an IPv6 address that tell one network from another; its hosts share the rest."""

T = TypeVar("T")


def network(host: str) -> str:
    """Whose share an address counts to: the IPv4 address itself, the /64 of an IPv6 address."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    hosts = address.max_prefixlen - IPV6_NETWORK_BITS
    return str(IPv6Address(int(address) >> hosts << hosts))


@dataclass(slots=True)
class ConnectionShares(Generic[T]):
    """The connections that are open, by network, each network's oldest first.

    Attributes:
        most: How many connections there may be in all.
        share: How many of them one network may hold.
        may_end: Whether a connection can make room; one that is being answered cannot.
    """

    most: int
    share: int
    may_end: Callable[[T], bool]
    _held: dict[str, dict[T, None]] = field(default_factory=dict)
    _count: int = 0

    def __len__(self) -> int:
        return self._count

    def admit(self, name: str, newcomer: T) -> T | None:
        """Count a connection of the network ``name``.

        Returns:
            The connection that has to be ended for it, and removed; ``None`` where there is room.
            It is the newcomer itself where only networks that hold less could make room.
        """
        self._held.setdefault(name, {})[newcomer] = None
        self._count += 1
        if len(self._held[name]) > self.share:
            return self._oldest(name) or newcomer
        if self._count > self.most:
            return self._oldest_of_most(until=name) or newcomer
        return None

    def remove(self, name: str, connection: T) -> None:
        """Count a connection no longer."""
        held = self._held.get(name, {})
        if connection in held:
            del held[connection]
            self._count -= 1
        if not held:
            self._held.pop(name, None)

    def all(self) -> list[T]:
        """Every connection that is counted."""
        return [connection for held in self._held.values() for connection in held]

    def oldest(self) -> T | None:
        """The oldest connection that can make room, of the network that holds the most."""
        return self._oldest_of_most(until=None)

    def _oldest_of_most(self, until: str | None) -> T | None:
        """The same; of ``until`` and the networks that hold more than it, where it is given."""
        for name in sorted(self._held, key=lambda name: -len(self._held[name])):
            found = self._oldest(name)
            if found is not None or name == until:
                return found
        return None

    def _oldest(self, name: str) -> T | None:
        return next(filter(self.may_end, self._held[name]), None)
