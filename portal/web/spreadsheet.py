"""CSV files that a spreadsheet opens: RFC 4180, in which no text is run as a formula."""

from __future__ import annotations

import re
from typing import Final

_FORMULA: Final = re.compile(r"(^|[;,\t\r\n])((?:[^\S\t\r\n]|[\"'])*[=+@-])")
"""What begins a formula, also where a spreadsheet of another locale cuts a cell in two, or reads
full-width signs as these."""
_NARROW: Final = str.maketrans("＝＋＠－；，", "=+@-;,")


class Line:
    """What `csv` writes a row to: it keeps the row alone."""

    text = ""

    def write(self, text: str) -> None:
        """Keep a row."""
        self.text = text


def escape_formula(text: str) -> str:
    """``text`` with apostrophes, so that no spreadsheet runs it as a formula."""
    marks = [found.start(2) for found in _FORMULA.finditer(text.translate(_NARROW))]
    for at in reversed(marks):
        text = f"{text[:at]}'{text[at:]}"
    return text
