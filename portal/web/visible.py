"""Pages show control characters and marks of direction as numbers, wherever a text is from.

A text for people is stored as it came: a device's display, a label, an evidence. Raw, such a
character turns the direction of what follows it, or cannot be seen. The texts of ours have none,
so that every page is looked at as a whole, in one place.

Source: docs/adr/0031-one-validator-at-the-wire.md
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.http import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_CONTROL: Final = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"  # but tab, line feed and carriage return
    rb"|\xc2[\x80-\x9f]"
    rb"|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]"  # U+061C, U+200E to U+2069
)
"""In UTF-8, no byte of which begins a character and continues another."""


class VisibleControls:
    r"""Middleware: control characters of pages as in ``\x1b``, marks of direction as ``\u202e``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request; a file that streams is none of ours to change."""
        response = self._get_response(request)
        html = response.get("Content-Type", "").startswith("text/html")
        if html and isinstance(response, HttpResponse):
            response.content = visible(response.content)
        return response


def visible(page: bytes) -> bytes:
    r"""A page in UTF-8 with its control characters and marks of direction as numbers."""
    return _CONTROL.sub(lambda found: ascii(found[0].decode())[1:-1].encode(), page)
