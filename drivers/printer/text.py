"""Text from a printer's octets, whatever they are encoded in. Pure; it never fails.

UTF-8 first: other encodings hardly ever happen to be it. Then what the printer declares for its
current language (prtLocalizationCharacterSet), then Latin 1, which has a sign for each octet and
shows at least what of a text is ASCII.

Sources: RFC 3805 (PrtLocalizedDescriptionStringTC), IANA's character sets (MIBenum).
"""

from __future__ import annotations

from typing import Final

LIMIT: Final = 255
"""Characters of a description that are kept: no longer one conforms to RFC 3805."""
RAW_LIMIT: Final = 255
"""Octets of evidence that are kept, for the same reason."""

_CHARSETS: Final = {
    3: "ascii",
    4: "latin-1",
    5: "iso8859-2",
    8: "iso8859-5",
    10: "iso8859-7",
    12: "iso8859-9",
    17: "cp932",  # Shift_JIS as everybody writes it
    18: "euc-jp",
    38: "euc-kr",
    39: "iso2022-jp",
    106: "utf-8",
    111: "iso8859-15",
    113: "gbk",
    114: "gb18030",
    1000: "utf-16-be",
    1013: "utf-16-be",
    1014: "utf-16-le",
    1015: "utf-16",
    2004: "hp-roman8",
    2009: "cp850",
    2011: "cp437",
    2024: "cp932",
    2025: "gb2312",
    2026: "big5",
    2084: "koi8-r",
    2250: "cp1250",
    2251: "cp1251",
    2252: "cp1252",
}
"""Python's names by MIBenum."""


def words(octets: bytes, charset: int | None = None) -> str:
    """The text in ``octets``: one line, printable, at most `LIMIT` characters.

    Args:
        octets: As they came.
        charset: What the printer says they are encoded in, a MIBenum.
    """
    encoding = _CHARSETS.get(charset or 0, "latin-1")
    if encoding.startswith("utf-16"):
        text = _decoded(octets, encoding) or octets.decode("latin-1")
    else:
        text = _decoded(octets, "utf-8") or _decoded(octets, encoding) or octets.decode("latin-1")
    text = text.partition("\0")[0]
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LIMIT else line[: LIMIT - 1] + "…"


def raw(octets: bytes) -> str:
    """The octets as they came, in hexadecimal, at most `RAW_LIMIT` of them."""
    return f"0x{octets[:RAW_LIMIT].hex()}{'…' if len(octets) > RAW_LIMIT else ''}"


def is_plain(octets: bytes) -> bool:
    """Whether `words` shows all of it: printable ASCII."""
    return octets.isascii() and octets.decode("ascii").isprintable()


def _decoded(octets: bytes, encoding: str) -> str:
    try:
        return octets.decode(encoding)
    except (UnicodeError, LookupError):
        return ""
