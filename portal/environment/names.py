"""Variables that look like ours and that no program of ours reads: mostly misspelt ones.

An unknown variable is warned of and never refused: the environment may be shared with a newer or
older version, and must not keep the portal from starting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from console.nearest import nearest
from portal.environment.model import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

_PREFIX: Final = "KANMON_"
_LANGUAGE: Final = "KANMON_LANG"
OTHERS: Final = frozenset(
    {
        "KANMON_STATE",  # kanmon
        "KANMON_DEMO_INSTALL_S",  # scripts/demo
        "KANMON_INSTALL_PEERS",  # scripts and tests, from here on
        "KANMON_LEDGER_SECONDS",
        "KANMON_LEDGER_SEED",
        "KANMON_PYTHON",
        "KANMON_REQUIRE_PEERS",
        "KANMON_WALKS",
    }
)
"""Variables of the gateway, the scripts and the tests; a test holds this list against them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownVariable:
    """A variable that no program reads.

    Attributes:
        name: Its name.
        nearest: The variable of the portal that was most likely meant; ``""`` if none is similar.
    """

    name: str
    nearest: str = ""


def unknown_variables(names: Iterable[str]) -> list[UnknownVariable]:
    """Those of ``names`` that begin with ``KANMON_``, in any case, and that no program reads."""
    known = {*NAMES, _LANGUAGE}
    unknown = sorted(
        name
        for name in names
        if name.upper().startswith(_PREFIX) and name not in known and name not in OTHERS
    )
    endings = [name.removeprefix(_PREFIX) for name in sorted(known)]
    found = []
    for name in unknown:
        # Without the prefix, which would make any two names similar.
        near = nearest(name[len(_PREFIX) :], endings)
        found.append(UnknownVariable(name=name, nearest=_PREFIX + near if near else ""))
    return found
