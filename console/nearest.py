"""The name that a misspelt one most likely means: of a command, a device, a profile, a setting.

Pure, and the standard library only: every package may import it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

_ALIKE: Final = 0.6
"""How much of two names must be the same, from 0 to 1: `difflib.SequenceMatcher.ratio`."""
_PART: Final = 3
"""Characters from which a part of a name tells which one is meant."""
_LIMIT: Final = 80
"""Characters from which a text is no misspelt name; comparing takes the square of the length."""


def nearest(given: str, known: Iterable[str], *, alike: float = _ALIKE) -> str | None:
    """The one of ``known`` that is most like ``given``, else the only one that has it as a part.

    Args:
        given: The misspelt name.
        known: The names that there are.
        alike: How much of two names must be the same, from 0 to 1; more for hundreds of names.

    Returns:
        ``None`` where none is like it.

    Capitals, full-width letters and blanks around it make no difference.
    """
    from difflib import get_close_matches  # loaded for an error only

    names = {_folded(name): name for name in known}
    word = _folded(given)
    if not word or len(word) > _LIMIT:
        return None
    close = get_close_matches(word, names, n=1, cutoff=alike)
    if not close and len(word) >= _PART:
        close = [name for name in names if word in name]
    return names[close[0]] if len(close) == 1 else None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()
