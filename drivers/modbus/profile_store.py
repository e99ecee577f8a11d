"""Where drivers get the profiles that devices name. Pure: reading files is `profile_loader`'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from config.finding import Finding
from console.templates.profile import APPLY_AGAIN, NOT_LOADED
from drivers.context import ProfileError
from drivers.modbus.profile import Profile

if TYPE_CHECKING:
    from drivers.context import ProfileStore


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedProfiles:
    """The `drivers.context.ProfileStore` of profiles that were read and validated before.

    Attributes:
        profiles: By name.
        findings: By name, why there is none.
    """

    profiles: Mapping[str, Profile] = field(default_factory=dict)
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)

    def profile(self, name: str) -> Profile:
        """See `ProfileStore`; a name that was not asked for before is a fault of the caller."""
        if name in self.profiles:
            return self.profiles[name]
        missing = Finding(what=NOT_LOADED(name=name), next=APPLY_AGAIN())
        raise ProfileError(self.findings.get(name, (missing,)))


def modbus_profile(name: str, profiles: ProfileStore) -> Profile:
    """The profile called ``name``; raises `ProfileError`."""
    profile = profiles.profile(name)
    assert isinstance(profile, Profile)  # no other family has profiles
    return profile
