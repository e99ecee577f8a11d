"""What a driver is given beside its URL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from config.secrets import no_secrets
from drivers.installation import AS_MEASURED, Installation

if TYPE_CHECKING:
    from config.finding import Finding
    from drivers.lines import Lines


class ProfileError(Exception):
    """A profile that cannot be used; ``findings`` holds every reason, in the file's order."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__("\n".join(map(str, findings)))


class ProfileStore(Protocol):
    """Has the profiles that device URLs name; the family that asks for one knows what it is."""

    def profile(self, name: str) -> object:
        """The profile called ``name``; raises `ProfileError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverContext:
    """What a driver is given beside its URL.

    Attributes:
        lines: Where it gets its line.
        now: The clock that dates its readings: milliseconds since boot.
        profiles: Where it gets its profile.
        installation: How the device is installed.
        spare_ms: How long a poll may take beyond its plan to find out what the device lacks;
            ``None`` for as long as that takes.
        secret: The value behind ``secret:NAME``; raises `config.finding.ConfigError`.
    """

    lines: Lines
    now: Callable[[], int]
    profiles: ProfileStore
    installation: Installation = AS_MEASURED
    spare_ms: int | None = None
    secret: Callable[[str], str] = no_secrets
