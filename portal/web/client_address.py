"""Who a request came from, where proxies stand between the browser and the portal.

::

    browser 203.0.113.9 ──> proxy 192.0.2.1 ──> proxy 127.0.0.1 ──> portal
    X-Forwarded-For:        203.0.113.9         203.0.113.9, 192.0.2.1

Each proxy appends the address that it was reached from. Whatever stands further left, the browser
may have written itself. So the header is believed from the right, and only as far as the address
that appended it is a trusted proxy (``KANMON_TRUSTED_PROXIES``).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.http import HttpRequest, HttpResponse

    from portal.environment.checks import Network


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The address of the client.

    Args:
        peer: The address of the connection.
        forwarded_for: The value of ``X-Forwarded-For``; lines of it are joined by commas.
        trusted: The networks of the proxies that are believed.

    Returns:
        The first address from the right that is not a trusted proxy's, an IPv4 address as such also
        where a socket for both families writes it within an IPv6 address. Where an entry is not an
        address, or all are trusted: the last that was believed, counted from the right.
    """
    connected = _address(peer)
    believed = peer if connected is None else str(connected)
    for entry in [*reversed(forwarded_for.split(",")), ""]:
        address = _address(believed)
        if address is None or not any(address in network for network in trusted):
            break
        named = _address(entry)
        if named is None:
            break
        believed = str(named)
    return believed


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in an entry, which may have a port; ``None`` where there is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


class ClientAddressMiddleware:
    """Puts the client's address into ``REMOTE_ADDR``, where all that counts by address looks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Replace the address of the connection by that of the client."""
        peer = str(request.META.get("REMOTE_ADDR", ""))
        forwarded = request.headers.get("X-Forwarded-For", "")
        request.META["REMOTE_ADDR"] = client_address(peer, forwarded, settings.TRUSTED_PROXIES)
        return self._get_response(request)
