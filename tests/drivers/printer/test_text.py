"""What printers' octets say in words, whatever they are encoded in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.printer.text import LIMIT, RAW_LIMIT, is_plain, raw, words


@pytest.mark.parametrize(
    ("octets", "charset", "said"),
    [
        (b"Tray 1", None, "Tray 1"),
        ("トレイ".encode(), 17, "トレイ"),
        ("紙づまり".encode("cp932"), 17, "紙づまり"),
        ("紙づまり".encode("euc-jp"), 18, "紙づまり"),
        ("Récupérateur".encode("latin-1"), 106, "Récupérateur"),
        ("€".encode("cp1252"), 2252, "€"),
        ("トレイ".encode("utf-16-be"), 1013, "トレイ"),
        (b"a\x00hidden", 3, "a"),
        (b"\x1b[31mred\r\n\tline", 3, "[31mred line"),
        (b"\xff\xfe\xfd", 9999, "ÿþý"),
        (b"", 106, ""),
    ],
)
def test_octets_become_words_in_whatever_they_are_encoded(
    octets: bytes, charset: int | None, said: str
) -> None:
    assert words(octets, charset) == said


@given(st.binary(max_size=400), st.none() | st.integers(-1, 3000))
def test_words_never_fail_and_fit_a_line(octets: bytes, charset: int | None) -> None:
    said = words(octets, charset)

    assert len(said) <= LIMIT
    assert said.isprintable()
    assert said == said.strip()


def test_evidence_keeps_octets_as_they_came_and_not_all_of_many() -> None:
    assert raw("é".encode()) == "0xc3a9"
    assert raw(b"\xff" * 5_000) == "0x" + "ff" * RAW_LIMIT + "…"


def test_what_words_do_not_show_is_not_plain() -> None:
    assert is_plain(b"Ready")
    assert is_plain(b"")
    assert not is_plain(b"\x1b[31mReady")
    assert not is_plain("é".encode())
