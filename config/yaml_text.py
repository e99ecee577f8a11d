"""The text of a YAML file: positions in it, and its encoding. Pure.

Sources: YAML 1.1 section 5.4 (line breaks, as PyYAML counts them); JIS X 0208.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from config.look_alike import describe_character
from console.templates import yaml as messages
from console.text import NO_MESSAGE, Message

BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_ENCODINGS: Final = {"euc_jp": "EUC-JP", "cp932": "Shift_JIS", "cp1252": "Windows-1252"}
_JAPANESE: Final = re.compile(
    r"[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff5e\s!-~\u25a0-\u25ff\u2600-\u266f→←↑↓℃①-⑳]*"
)
_WESTERN: Final = re.compile(r"[\s!-~°²³·µ€–—‘’“”¿-ÿ]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with the text of a file, and where it begins; line and column from 1."""

    line: int
    column: int
    what: Message
    why: Message = NO_MESSAGE
    next: Message = NO_MESSAGE


class FaultFoundError(Exception):
    """Ends a scan; carries the fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault.what))
        self.fault = fault


class YamlText:
    """The decoded text of a file; an index counts characters from 0."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(found.end() for found in BREAK.finditer(text))]

    def line(self, index: int) -> int:
        """The line of ``index``, from 1."""
        return bisect_right(self._starts, index)

    def column(self, index: int) -> int:
        """The column of ``index``, from 0."""
        return index - self._starts[self.line(index) - 1]

    def line_end(self, index: int) -> int:
        """Where the line of ``index`` ends, before its break."""
        found = BREAK.search(self.text, index)
        return found.start() if found else len(self.text)

    def next_line(self, index: int) -> int:
        """Where the line after that of ``index`` begins, or the text ends."""
        found = BREAK.search(self.text, index)
        return found.end() if found else len(self.text)

    def fault(
        self, index: int, what: Message, *, why: Message = NO_MESSAGE, step: Message = NO_MESSAGE
    ) -> FaultFoundError:
        """The error for a fault that begins at ``index``."""
        line, column = self.line(index), self.column(index) + 1
        return FaultFoundError(Fault(line=line, column=column, what=what, why=why, next=step))

    def character_fault(self, index: int) -> FaultFoundError:
        """The error for the look-alike, the space or the tab at ``index``."""
        what, step = describe_character(self.text[index])
        return self.fault(index, what, step=step)


def decode(data: bytes) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Raises:
        FaultFoundError: It has another encoding.
    """
    if _is_utf16(data):
        raise FaultFoundError(_not_utf8(1, 1, "UTF-16"))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        begin = data.rfind(b"\n", 0, error.start) + 1
        line = data.count(b"\n", 0, error.start) + 1
        column = len(data[begin : error.start].decode("utf-8", "replace")) + 1
    if b"\0" in data:
        what, step = messages.NOT_TEXT(), messages.GIVE_TEXT()
        raise FaultFoundError(Fault(line=1, column=1, what=what, next=step))
    raise FaultFoundError(_not_utf8(line, column, guess_encoding(data)))


def _not_utf8(line: int, column: int, encoding: str) -> Fault:
    why = messages.SEEMS(encoding=encoding) if encoding else NO_MESSAGE
    what, step = messages.NOT_UTF8(), messages.SAVE_UTF8()
    return Fault(line=line, column=column, what=what, why=why, next=step)


def _is_utf16(data: bytes) -> bool:
    """Whether it begins with the byte order mark of UTF-16, or every other byte is 0."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    head = data[:64]
    return len(head) > 3 and any(not any(head[start::2]) for start in (0, 1))


def guess_encoding(data: bytes) -> str:
    """The encoding that bytes which are not UTF-8 seem to have; ``""`` where none fits."""
    for codec, name in _ENCODINGS.items():
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        if (_WESTERN if codec == "cp1252" else _JAPANESE).fullmatch(text):
            return name
    return ""
