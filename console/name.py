"""The rule of a name that travels and is shown, of a device, a column or a component. Pure.

Imports nothing: every package asks it, a profile as it is loaded and the wire's validator.
"""

from __future__ import annotations

from typing import Final

_UNSEEN: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters that count as printable, and show nothing."""
_UNSEEN_RANGES: Final = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0000, 0xE1000))
"""Selectors of variants, which change or hide their neighbours."""


def is_name(text: str, most: int) -> bool:
    """Whether a text can name something: seen, read the same everywhere, at most ``most`` long.

    Letters of any script, single blanks between words; no control character, no mark of
    direction or of zero width, nothing that is not shown.
    """
    return (
        0 < len(text) <= most
        and text.isprintable()
        and (text.isascii() or not any(map(_is_unseen, text)))
        and "" not in text.split(" ")
    )


def _is_unseen(character: str) -> bool:
    code = ord(character)
    return character in _UNSEEN or any(code in unseen for unseen in _UNSEEN_RANGES)
