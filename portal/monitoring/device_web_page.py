"""The addresses of devices' own web pages: at the site, where the gateway reads them.

The address is in the configuration that the gateway runs. Only printers are asked for their page:
nearly all have one at their address, and a meter behind a converter has none of its own. The link
is plain HTTP and works for who is at the site alone.

Source: requirement C-15 (remote UI).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from portal.fleet.heartbeat import ConfigurationCache, running_digests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SCHEMES: Final = frozenset({"snmp"})
"""Protocols that are spoken with the device itself, never through a converter."""
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45}")


def own_pages(gateways: Iterable[int]) -> dict[int, Mapping[str, str]]:
    """For each gateway, by id, the addresses of its devices' pages, by the device's name there.

    One query, and one more for configurations not seen before.
    """
    running = running_digests(gateways)
    pages = _PAGES(digest for digest in running.values() if digest is not None)
    return {pk: pages[digest] for pk, digest in running.items() if digest is not None}


def pages_in(document: str) -> dict[str, str]:
    """The addresses of devices' pages in a configuration document, by the device's name."""
    try:
        devices = json.loads(document).get("devices", [])
        return {device["name"]: page for device in devices if (page := _page(device)) is not None}
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return {}


def _page(device: Any) -> str | None:
    try:
        address = urlsplit(device["url"])
        host = address.hostname or ""
    except ValueError:
        return None
    if address.scheme not in _SCHEMES or not _HOST.fullmatch(host):
        return None
    return f"http://[{host}]/" if ":" in host else f"http://{host}/"


_PAGES: Final = ConfigurationCache(pages_in, most=1024)
