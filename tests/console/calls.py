"""Both programs as processes of their own."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
MODULES: Final = {"kanmon": "gateway.cli", "kanmon-portal": "portal.cli"}


def environment(state: Path, **more: str) -> dict[str, str]:
    """An environment in which both have only this state folder, and speak English."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO", "LC_"))}
    ours = {"KANMON_STATE": str(state), "KANMON_PORTAL_STATE": str(state), "PYTHONPATH": str(ROOT)}
    return kept | ours | {"LC_ALL": "C.UTF-8"} | more


_LABEL: Final = re.compile(r"^(kanmon|kanmon-portal|エラー|対処|警告): *")
_JAPANESE: Final = re.compile(r"[ぁ-んァ-ヶ一-龠]")
_OTHERS_WORDS: Final = ("場所", "使い方", "原因")
"""Lines that may be a path, a command, or the words of a library."""


def untranslated(told: str) -> list[str]:
    """The lines of a Japanese error that have nothing Japanese but their label."""
    lines = (line.strip() for line in told.splitlines())
    ours = (line for line in lines if line and not line.startswith(_OTHERS_WORDS))
    return [line for line in ours if not _JAPANESE.search(_LABEL.sub("", line))]
