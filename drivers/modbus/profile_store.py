"""Where drivers get the profiles that devices name. Pure: reading files is `profile_loader`'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from drivers.modbus.profile import Profile


class ProfileError(Exception):
    """A profile that cannot be used; ``problems`` holds every reason, one line each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Shelf(Protocol):
    """Has profiles by name: `drivers.modbus.profile_loader.FolderShelf`, `ReadyShelf`."""

    def profile(self, name: str) -> Profile:
        """The profile called ``name``; raises `ProfileError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyShelf:
    """Profiles that were read and validated before.

    Attributes:
        profiles: By name.
        problems: By name, why there is none.
    """

    profiles: Mapping[str, Profile] = field(default_factory=dict)
    problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def profile(self, name: str) -> Profile:
        """See `Shelf`; a name nobody asked for before is a fault of the caller."""
        if name in self.profiles:
            return self.profiles[name]
        raise ProfileError(self.problems.get(name, (f"profile {name!r} was not made ready",)))
