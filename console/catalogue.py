"""Translation catalogues: ``.po`` text in, GNU ``.mo`` bytes out. Standard library only.

So that no machine needs the gettext programs: `scripts/assets` compiles what translators write.

Source: GNU gettext manual, sections "The Format of PO Files" and "The Format of GNU MO Files".
"""

from __future__ import annotations

import ast
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCALES: Final = Path(__file__).parent / "locale"
"""The folder of the catalogues, ``<language>/LC_MESSAGES/<domain>.po`` and ``.mo``."""
_MAGIC: Final = 0x950412DE
_CONTEXT_GLUE: Final = "\x04"
_PLURAL_GLUE: Final = "\x00"


class CatalogueError(ValueError):
    """A line that cannot stand in a catalogue; the message names it."""


@dataclass(slots=True)
class Entry:
    """One message of a catalogue.

    Attributes:
        words: Keyword (``msgid``, ``msgid_plural``, ``msgstr``, ``msgstr[0]``, ``msgctxt``) to
            its text.
        fuzzy: Whether a translator still has to check it; it is then left out.
    """

    words: dict[str, str] = field(default_factory=dict)
    fuzzy: bool = False

    @property
    def key(self) -> str:
        """The key by which the program looks the message up, as the compiled form spells it."""
        key = self.words.get("msgid", "")
        if "msgctxt" in self.words:
            key = self.words["msgctxt"] + _CONTEXT_GLUE + key
        if "msgid_plural" in self.words:
            key += _PLURAL_GLUE + self.words["msgid_plural"]
        return key

    @property
    def translations(self) -> list[str]:
        """The translation: one text, or one for each plural form."""
        if "msgstr" in self.words:
            return [self.words["msgstr"]]
        forms = sorted(name for name in self.words if name.startswith("msgstr["))
        return [self.words[name] for name in forms]

    @property
    def translated(self) -> bool:
        """Whether the translation is complete and not fuzzy."""
        return not self.fuzzy and bool(self.translations) and all(self.translations)


def parse(text: str) -> list[Entry]:
    """The entries of a ``.po`` file, its header first; raises `CatalogueError`."""
    return list(_entries(text))


def compiled(entries: list[Entry]) -> bytes:
    """The ``.mo`` file of all complete entries, sorted as its readers expect."""
    pairs = sorted(
        (entry.key.encode(), _PLURAL_GLUE.join(entry.translations).encode())
        for entry in entries
        if entry.translated
    )
    table, blob = 28, b""
    text_start = table + 16 * len(pairs)
    offsets: list[tuple[int, int]] = []
    for column in (0, 1):
        for pair in pairs:
            offsets.append((len(pair[column]), text_start + len(blob)))
            blob += pair[column] + b"\x00"
    head = struct.pack("<7I", _MAGIC, 0, len(pairs), table, table + 8 * len(pairs), 0, 0)
    return head + b"".join(struct.pack("<2I", *offset) for offset in offsets) + blob


def compile_file(po: Path) -> None:
    """Write the ``.mo`` file beside a ``.po`` file, whole or not at all, where it would change."""
    mo = po.with_suffix(".mo")
    content = compiled(parse(po.read_text("utf-8")))
    if mo.exists() and mo.read_bytes() == content:
        return
    beside = mo.with_suffix(f".{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(mo)


def read(mo: bytes) -> dict[str, str]:
    """Every message of a ``.mo`` file made by `compiled`, with its translation."""
    _, _, number, keys, texts = struct.unpack_from("<5I", mo)
    found = {}
    for index in range(number):
        (key, text) = (_string(mo, table + 8 * index) for table in (keys, texts))
        found[key] = text
    return found


def _string(mo: bytes, at: int) -> str:
    length, offset = struct.unpack_from("<2I", mo, at)
    return mo[offset : offset + length].decode()


def _entries(text: str) -> Iterator[Entry]:
    entry, keyword = Entry(), ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        starts = line.startswith(("#", "msgctxt ", "msgid ")) or not line
        if starts and keyword.startswith("msgstr"):
            yield entry
            entry, keyword = Entry(), ""
        if line.startswith("#,") and "fuzzy" in line:
            entry.fuzzy = True
        if not line or line.startswith("#"):
            continue
        if line.startswith('"'):
            entry.words[keyword] += _text(line, number)
            continue
        keyword, _, quoted = line.partition(" ")
        if not keyword.startswith("msg"):
            raise CatalogueError(f"line {number}: {line!r} is neither a keyword nor a text")
        entry.words[keyword] = _text(quoted, number)
    if keyword:
        yield entry


def _text(quoted: str, number: int) -> str:
    try:
        value = ast.literal_eval(quoted.strip())
    except (SyntaxError, ValueError) as error:
        raise CatalogueError(f"line {number}: {quoted!r} is no quoted text") from error
    if not isinstance(value, str):
        raise CatalogueError(f"line {number}: {quoted!r} is no quoted text")
    return value
