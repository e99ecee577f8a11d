"""Finds the end of an HTTP/1.1 request in bytes that arrive in pieces. Pure.

Only where the request ends is decided here; what it says, and whether it is valid, is gunicorn's
parser's to judge, which is handed the bytes. A head that this module cannot read, or that announces
a body that is not read, ends the request: the parser or the claim endpoint refuses it.

Source: RFC 9112, sections 2.1 and 6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from provisioning.claim import MOST_BYTES

MOST_HEAD_BYTES: Final = 16 * 1024
"""The most bytes of a request line and its header fields; a box sends 200."""

_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*(?=\r\n)", re.IGNORECASE)


class Part(Enum):
    """What is awaited of a request."""

    HEAD = auto()
    BODY = auto()
    NOTHING = auto()
    """All of it is there, or it is refused without the rest."""


@dataclass(slots=True)
class RequestBuffer:
    """One request, as far as it has arrived.

    Attributes:
        content: The bytes so far; at most `MOST_HEAD_BYTES` and `MOST_BYTES` and one piece.
        awaited: What is awaited.
        oversized: Whether the head is longer than `MOST_HEAD_BYTES`, so that nobody reads it.
    """

    content: bytearray = field(default_factory=bytearray)
    awaited: Part = Part.HEAD
    oversized: bool = False
    _end: int = 0

    def feed(self, piece: bytes) -> Part:
        """Add what has arrived; returns what is awaited then."""
        searched = max(len(self.content) - len(_END) + 1, 0)
        self.content += piece
        if self.awaited is Part.HEAD:
            self._look_for_head(searched)
        if self.awaited is Part.BODY and len(self.content) >= self._end:
            self.awaited = Part.NOTHING
        return self.awaited

    def _look_for_head(self, searched: int) -> None:
        found = self.content.find(_END, searched)
        head = found + len(_END) if found >= 0 else len(self.content)
        if head > MOST_HEAD_BYTES:
            self.oversized = True
            self.awaited = Part.NOTHING
        elif found >= 0:
            self._end = head + _body_length(bytes(self.content[:head]))
            self.awaited = Part.BODY


def _body_length(head: bytes) -> int:
    """The bytes of the body to wait for; 0 where there is none, or where it is refused unread."""
    lengths = _LENGTH.findall(head)
    if len(lengths) != 1 or int(lengths[0]) > MOST_BYTES:
        return 0
    return int(lengths[0])
