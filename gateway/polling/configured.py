"""The configured devices, brought to the poller; which of them cannot be polled, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from config.model import Configuration
    from console.text import Message
    from drivers.context import ProfileStore
    from gateway.polling.devices import DeviceOpener
    from gateway.polling.poller import Poller

log = structlog.get_logger("kanmon.devices")


class ConfiguredDevices:
    """Lets the poller poll what is configured.

    Args:
        opener: Opens drivers and lines.
        poller: Polls.
        forget: Called with the devices that are gone, or other ones now.

    Attributes:
        refused: By name, why a configured device cannot be polled.
    """

    def __init__(
        self, opener: DeviceOpener, poller: Poller, forget: Callable[[frozenset[str]], None]
    ) -> None:
        self._opener = opener
        self._poller = poller
        self._forget = forget
        self.refused: dict[str, Message] = {}

    def apply(self, configuration: Configuration, profiles: ProfileStore) -> None:
        """Poll these devices from now on; those that did not change are polled undisturbed."""
        ready, refused = self._opener.polled(configuration, profiles)
        self._forget(self._poller.apply(ready))
        self._opener.lines.close_others({device.line for device in ready})
        for name, why in refused.items():
            if self.refused.get(name) != why:
                log.error("device_refused", device=name, error=str(why))
        self.refused = refused
