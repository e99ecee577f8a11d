"""Characters that look like ASCII, as an input method or a word processor writes them. Pure.

Source: Unicode, "Halfwidth and Fullwidth Forms", "General Punctuation".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

from console.templates import yaml as messages
from console.text import Message

_FORMS: Final = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_LOOK_ALIKE: Final[Mapping[str, str]] = {
    **_FORMS,
    **dict.fromkeys("“”„‟", '"'),
    **dict.fromkeys("‘’‚‛", "'"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    "、": ",",
    "【": "[",
    "】": "]",
    "∶": ":",
}
"""ASCII characters by those that an input method or a word processor writes in their place."""


def ascii_of(character: str) -> str:
    """The ASCII character that ``character`` looks like; ``""`` where it looks like none."""
    return _LOOK_ALIKE.get(character, "")


def is_dash(character: str) -> bool:
    """Whether it looks like the dash before an entry of a list."""
    return ascii_of(character) == "-" or character in "ー・•"  # which words have, too


def to_ascii(text: str) -> str:
    """``text`` with ASCII characters in place of their look-alikes."""
    return "".join(" " if is_other_space(c) else ascii_of(c) or c for c in text)


def is_other_space(character: str) -> bool:
    """Whether it is a space that YAML does not know as one, or is not visible at all."""
    return character != " " and unicodedata.category(character) in {"Zs", "Cf"}


def describe_character(character: str) -> tuple[Message, Message]:
    """What is wrong with a look-alike, a space or an invisible character, and the next step."""
    if character == "\u3000":
        return messages.FULL_WIDTH_SPACE(), messages.WRITE_SPACE()
    if unicodedata.category(character) == "Zs":
        return messages.OTHER_SPACE(), messages.WRITE_SPACE()
    if unicodedata.category(character) == "Cf":
        return messages.INVISIBLE(character=code_point(character)), messages.REMOVE_CHARACTER()
    written = ascii_of(character) or "-"
    what = messages.FULL_WIDTH(found=character)
    if unicodedata.east_asian_width(character) not in "WF":
        if written in "\"'":
            what = messages.TYPOGRAPHIC_QUOTE(found=character)
        elif written == "-":
            what = messages.OTHER_DASH(found=character)
    return what, messages.WRITE_COLON() if written == ":" else replacement(written)


def replacement(text: str) -> Message:
    """The next step to write ``text``, which is not quoted where it begins with a quote."""
    if text.startswith(("'", '"')):
        return messages.WRITE_QUOTE(ascii=text)
    return messages.WRITE_ASCII(ascii=text)


def code_point(character: str) -> str:
    """A character by its number: ``U+200B``."""
    return f"U+{ord(character):04X}"
