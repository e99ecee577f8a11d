"""The commands that show the running configuration, or replace it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from config.finding import ConfigError
from config.model import canonical, digest
from console.templates import control
from gateway.configuration.loader import LoadError, SaveError
from gateway.control.protocol import ControlError, text_param

if TYPE_CHECKING:
    from config.model import Configuration


class LiveConfiguration(Protocol):
    """As `gateway.configuration.running.ActiveConfiguration` holds and changes what runs."""

    @property
    def configuration(self) -> Configuration:
        """The settings that run now."""

    async def apply(self, text: bytes, file: str) -> list[str]:
        """Keep ``text`` and run it from now on; the sections that wait for the next start."""

    async def reload(self) -> None:
        """Run the file in the state folder, if it can be used."""


class ConfigurationCommands:
    """The running configuration; every result is made of JSON values.

    Args:
        running: What runs.
        state: The state folder, named in errors.
    """

    def __init__(self, running: LiveConfiguration, state: Path) -> None:
        self._running = running
        self._state = state

    async def apply(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Run the file's ``text`` from now on; nothing changes if it cannot be used."""
        text, file = text_param(params, "text"), text_param(params, "file", "configuration")
        try:
            later = await self._running.apply(text.encode(), file)
        except ConfigError as error:
            refusal = ControlError(
                control.UNUSABLE_CONFIGURATION(), where=file, next_step=control.CORRECT_FINDINGS()
            )
            refusal.findings = error.findings
            raise refusal from error
        except SaveError as error:
            raise ControlError(
                error.what, where=str(self._state), why=error.why, next_step=error.next_step
            ) from error
        except LoadError as error:
            step = control.PREVIOUS_ACTIVE(step=error.next_step)
            raise ControlError(error.what, where=file, why=error.why, next_step=step) from error
        return {"digest": digest(self._running.configuration).hex(), "at_next_start": later}

    async def reload(self) -> dict[str, Any]:
        """Run the file in the state folder, as SIGHUP does."""
        await self._running.reload()
        return {"digest": digest(self._running.configuration).hex()}

    async def configuration(self) -> dict[str, Any]:
        """What runs now; secrets are references."""
        running: dict[str, Any] = json.loads(canonical(self._running.configuration))
        return running
