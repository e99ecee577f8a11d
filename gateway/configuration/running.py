"""The configuration that runs, and the one way to change it.

::

    control socket --apply--+
                            +--> Loader --> what runs is replaced --> `changed` brings it about
    SIGHUP --------reload---+
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from config.finding import ConfigError
from config.model import Configuration, digest
from gateway.configuration.loader import LoadedConfiguration, Loader, LoadError

if TYPE_CHECKING:
    from drivers.context import ProfileStore

log = structlog.get_logger("kanmon.configuration")


class ActiveConfiguration:
    """Holds what runs; changes come one after the other.

    Args:
        loader: Reads, validates and keeps configurations.
        loaded: What runs first.
        changed: Called with the configuration before, once another one has replaced it.
    """

    def __init__(
        self,
        loader: Loader,
        loaded: LoadedConfiguration,
        changed: Callable[[Configuration], Awaitable[None]],
    ) -> None:
        self._loader = loader
        self._loaded = loaded
        self._changed = changed
        self._changing = asyncio.Lock()

    @property
    def configuration(self) -> Configuration:
        """The settings."""
        return self._loaded.configuration

    @property
    def profiles(self) -> ProfileStore:
        """The profiles that its devices name."""
        return self._loaded.profiles

    async def profiles_of(self, url: str) -> ProfileStore:
        """The profile that the URL of any device names; raises `LoadError`."""
        return await self._loader.profiles(url)

    async def apply(self, text: bytes, file: str) -> list[str]:
        """Keep ``text`` and run it from now on.

        Args:
            text: The configuration.
            file: Its name, for the findings.

        Returns:
            The sections that take effect only at the next start.

        Raises:
            ConfigError, SaveError, LoadError: Nothing was changed.
        """
        async with self._changing:
            return await self._replace(await self._loader.apply(text, file))

    async def reload(self) -> None:
        """Run the file in the state folder; what is wrong with it is logged, nothing changes."""
        async with self._changing:
            try:
                loaded = await self._loader.load()
                if loaded.findings:
                    raise ConfigError(loaded.findings)
            except (ConfigError, LoadError) as error:
                log.error("configuration_rejected", error=str(error), kept="running")
                return
            await self._replace(loaded)

    async def _replace(self, loaded: LoadedConfiguration) -> list[str]:
        before, self._loaded = self._loaded.configuration, loaded
        await self._changed(before)
        now = loaded.configuration
        log.info("configuration_applied", digest=digest(now).hex()[:12])
        return ["spool"] if now.spool != before.spool else []
