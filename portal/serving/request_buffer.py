"""Finds the end of an HTTP/1.1 request in bytes that arrive in pieces. Pure.

Only where the request ends is decided here; what it says, and whether it is valid, is gunicorn's
parser's to judge, which is handed the bytes. A head that this module cannot read, or one with a
body of unknown length, ends the request: the parser or the application refuses it.

Source: RFC 9112, sections 2.1 and 6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

MOST_HEAD_BYTES: Final = 16 * 1024
"""The most bytes of a request line and its header fields; a box sends 200."""

_END: Final = b"\r\n\r\n"
_REFUSAL: Final = b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_HEAD_TOO_LONG: Final = _REFUSAL % b"431 Request Header Fields Too Large"
_BODY_TOO_LONG: Final = _REFUSAL % b"413 Content Too Large"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*(?=\r\n)", re.IGNORECASE)


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
        most_body: The most bytes of a body that is read.
        content: The bytes so far; at most `MOST_HEAD_BYTES`, `most_body` and one piece.
        awaited: What is awaited.
        refusal: The response to a request that is too long to be read; ``b""`` for others.
    """

    most_body: int
    content: bytearray = field(default_factory=bytearray)
    awaited: Part = Part.HEAD
    refusal: bytes = b""
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
            self._refuse(_HEAD_TOO_LONG)
        elif found >= 0:
            length = _body_length(bytes(self.content[:head]))
            if length > self.most_body:
                self._refuse(_BODY_TOO_LONG)
            else:
                self._end = head + length
                self.awaited = Part.BODY

    def _refuse(self, response: bytes) -> None:
        self.refusal = response
        self.awaited = Part.NOTHING


def _body_length(head: bytes) -> int:
    """The bytes of the body to wait for; 0 where there is none, or none of a known length."""
    lengths = _LENGTH.findall(head)
    return int(lengths[0]) if len(lengths) == 1 else 0
