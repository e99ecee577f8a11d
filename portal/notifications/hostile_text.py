"""Text that people chose, made harmless before it stands in a mail.

The portal sends mail from its own address to people who never asked for it, such as those who are
invited. A name that somebody else chose must not be able to add lines to a mail, to turn the
direction of its text, or to offer a link to another place.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from django.conf import settings

_HIDDEN: Final = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_DIRECTIONS: Final = frozenset(
    "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""Characters that change the direction in which text is read."""
_LINK: Final = re.compile(r"\S*(?::\S*/\S*/|(?<![^\W_])www\.)\S*", re.IGNORECASE)


def one_line(text: str) -> str:
    """Text as one line: each run of blanks and of characters without a shape is one blank."""
    shown = "".join(" " if unicodedata.category(c) in _HIDDEN else c for c in text)
    return " ".join("".join(c for c in shown if c not in _DIRECTIONS).split())


def without_links(text: str) -> str:
    """Text in which every link that does not lead to this portal is written so as not to work."""
    return _LINK.sub(lambda found: _unlinked(found[0]), text)


def _unlinked(word: str) -> str:
    if word == settings.PORTAL_URL or word.startswith(f"{settings.PORTAL_URL}/"):
        return word
    return word.replace(":", "[:]").replace(".", "[.]")


def cleaned(value: Any) -> Any:
    """A JSON value whose strings are each one line without links to other places.

    Raises:
        TypeError: It holds something that JSON does not know.
    """
    if isinstance(value, str):
        return without_links(one_line(value))
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [cleaned(one) for one in value]
    if isinstance(value, dict):
        return {str(key): cleaned(one) for key, one in value.items()}
    raise TypeError(f"a mail's context holds a {type(value).__name__}, which is not JSON")
