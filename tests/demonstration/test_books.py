"""What the demonstration makes of the ledger's line on the page."""

from __future__ import annotations

import pytest

from scripts.demonstration.books import LedgerLine


def test_a_line_is_found_among_the_words() -> None:
    words = "Mend it accepted 1,304 = stored 1,204 + waiting 100 , lost 0, doubled 0 Records the"
    line = LedgerLine.find(words)
    assert line is not None
    assert str(line) == "accepted 1,304 = stored 1,204 + waiting 100, lost 0, doubled 0"
    assert (line.waiting, line.closed) == (100, False)
    assert LedgerLine.find("The simulated sites do not answer.") is None


@pytest.mark.parametrize(
    ("words", "closed"),
    [
        ("accepted 1,204 = stored 1,204 , lost 0, doubled 0", True),
        ("accepted 0 = stored 0 , lost 0, doubled 0", False),
        ("accepted 1,204 = stored 1,203 + lost 1 , lost 1, doubled 0", False),
        ("accepted 1,204 = stored 1,203 + refused 1 , lost 0, doubled 0", False),
        ("accepted 1,204 = stored 1,204 , lost 0, doubled 1", False),
    ],
)
def test_books_close_when_all_is_stored_once(words: str, closed: bool) -> None:
    line = LedgerLine.find(words)
    assert line is not None
    assert line.closed is closed
