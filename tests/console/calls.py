"""Both programs as processes of their own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
MODULES: Final = {"kanmon": "gateway.cli", "kanmon-portal": "portal.cli"}


def environment(state: Path, **more: str) -> dict[str, str]:
    """An environment in which both have only this state folder, and speak English."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO", "LC_"))}
    ours = {"KANMON_STATE": str(state), "KANMON_PORTAL_STATE": str(state), "PYTHONPATH": str(ROOT)}
    return kept | ours | {"LC_ALL": "C.UTF-8"} | more
