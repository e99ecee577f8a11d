"""An agent key as a QR code, for a terminal and for paper."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import segno

from portal.authority import files

if TYPE_CHECKING:
    from pathlib import Path


def terminal(text: str) -> str:
    """The code in half blocks; a dark terminal shows it inverted, which readers accept."""
    out = io.StringIO()
    _code(text).terminal(out, compact=True)
    return out.getvalue()


def svg(text: str) -> bytes:
    """The code as an SVG document, without the text."""
    out = io.BytesIO()
    _code(text).save(out, kind="svg", scale=4, xmldecl=True)
    return out.getvalue()


def inline(text: str) -> str:
    """The code as an ``<svg>`` element for a page; black, for a white ground."""
    element = _code(text).svg_inline(scale=4, border=4)
    return element.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def write_svg(text: str, path: Path) -> None:
    """Write the code as an SVG file that only its owner can read; raises `AuthorityError`."""
    files.replace(path, svg(text), files.PRIVATE)


def _code(text: str) -> segno.QRCode:
    return segno.make_qr(text, error="m")
