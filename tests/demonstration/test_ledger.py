"""What the demonstration makes of the ledger on the page."""

from __future__ import annotations

import pytest

from scripts.demonstration.ledger import LedgerLine


def ledger(accepted: int, stored: int, **others: int) -> dict[str, dict[str, str]]:
    """The elements of a page with a ledger."""
    counts = {"waiting": 0, "refused": 0, "lost": 0, "doubled": 0} | others
    shown = {f"data-{name}": str(n) for name, n in counts.items()}
    shown |= {"data-accepted": str(accepted), "data-stored": str(stored)}
    return {"fault-jam": {"class": "fault"}, "ledger": {"id": "ledger", **shown}}


def test_a_line_is_found_among_the_words() -> None:
    line = LedgerLine.find(ledger(1304, 1204, waiting=100))
    assert line is not None
    assert str(line) == "accepted 1,304 = stored 1,204 + waiting 100, lost 0, doubled 0"
    assert (line.waiting, line.closed) == (100, False)
    assert LedgerLine.find({"fault-jam": {"class": "fault"}}) is None


@pytest.mark.parametrize(
    ("elements", "closed"),
    [
        (ledger(1204, 1204), True),
        (ledger(0, 0), False),
        (ledger(1204, 1203, lost=1), False),
        (ledger(1204, 1203, refused=1), False),
        (ledger(1204, 1204, doubled=1), False),
    ],
)
def test_books_close_when_all_is_stored_once(
    elements: dict[str, dict[str, str]], closed: bool
) -> None:
    line = LedgerLine.find(elements)
    assert line is not None
    assert line.closed is closed
