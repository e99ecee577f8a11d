"""Help texts broken into lines that fit a terminal, where some characters take two cells.

Click measures in characters and breaks at blanks; Japanese has none and its characters are two
cells wide. A line may break between two wide characters, but not before closing punctuation nor
after an opening bracket (JIS X 4051, the short form of its rules).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import click

from console.output import left, width

_NEVER_FIRST: Final = "、。，．）」』】〕・：；？！ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ)],.;:?!"
_NEVER_LAST: Final = "（「『【〔([<"
_VERBATIM: Final = "\b"


def wrap(text: str, cells: int) -> list[str]:
    """``text``, whose lines are one paragraph, as lines of at most ``cells`` cells."""
    lines, line = [], ""
    for piece in pieces(" ".join(text.split())):
        if line and width(line + piece.rstrip()) > cells:
            lines.append(line.rstrip())
            line = ""
        line += piece.lstrip() if not line else piece
    return [*lines, line.rstrip()] if line.strip() else lines


def pieces(text: str) -> list[str]:
    """Split ``text`` wherever a line may end; blanks stay with the piece before them."""
    text = re.sub(r"(?<=[^\x00-\x7f]) (?=[^\x00-\x7f])", "", text)  # only a line's end in a source
    cut: list[str] = []
    for atom in re.findall(r"[\x21-\x7e]+ ?|[^\x21-\x7e]", text):
        glued = cut and (atom[0] in _NEVER_FIRST or cut[-1][-1] in _NEVER_LAST)
        if glued or (atom == " " and cut):
            cut[-1] += atom
        else:
            cut.append(atom)
    return cut


class WideFormatter(click.HelpFormatter):
    """Click's help formatter, measuring in terminal cells instead of characters."""

    def write_heading(self, heading: str) -> None:
        """Write a heading with the colon of its language."""
        colon = ":" if heading.isascii() else "："
        self.write(f"{' ' * self.current_indent}{heading}{colon}\n")

    def write_text(self, text: str) -> None:
        """Write paragraphs, indented; one that begins with a backspace stays as it is."""
        blank = " " * self.current_indent
        paragraphs = [
            "\n".join(blank + line for line in _lines(paragraph, self.width - len(blank)))
            for paragraph in text.split("\n\n")
        ]
        self.write("\n\n".join(paragraphs) + "\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write terms and what they mean, in two columns."""
        listed = list(rows)
        first = min(max((width(term) for term, _ in listed), default=0), col_max) + col_spacing
        margin, blank = " " * self.current_indent, " " * (self.current_indent + first)
        for term, meaning in listed:
            lines = _lines(meaning, max(self.width - first - self.current_indent, 10))
            fits = width(term) <= first - col_spacing
            if not fits or not lines:
                self.write(f"{margin}{term}\n")
            for number, line in enumerate(lines):
                head = margin + left(term, first) if fits and number == 0 else blank
                self.write(f"{head}{line}\n")


def _lines(paragraph: str, cells: int) -> list[str]:
    if paragraph.startswith(_VERBATIM):
        return paragraph.lstrip(_VERBATIM).strip("\n").split("\n")
    return wrap(paragraph, cells)
