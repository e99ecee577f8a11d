"""Pieces of text that a message, a name or a key must carry unchanged."""

from __future__ import annotations

HOSTILE = (
    "; ",
    ". ",
    ": ",
    "'",
    '"',
    "`",
    "「",
    "」",
    "(",
    ")",
    "[",
    "]",
    "{name}",
    "{0}",
    "%(x)s",
    "\\",
    "\n",
    "\r",
    "\x1b[31m",
    "\u200f",
    "\u202e",
    "\u2066",
    "。",
    "ü",
    "x" * 200,
)
