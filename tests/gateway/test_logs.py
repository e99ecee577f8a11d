"""A line of the gateway's log is one line, whatever was logged, on a terminal and as JSON."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from gateway import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = st.text(st.characters(), max_size=40) | st.sampled_from(
    [
        'x\n{"event": "forged"}',
        "\x1b[2J\x1b[31m\r\x7f",
        "\x9b31m \x85 \u2028 \u2029",
        "\u202eevil\u2066",
        "\ud800",
        "x" * 70_000,
    ]
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal, or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The log of the tests, afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


class Hostile:
    """A value that writes itself as it likes."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


@pytest.mark.parametrize("terminal", [True, False])
@given(text=TEXT)
def test_every_event_is_one_printable_line(*, terminal: bool, text: str) -> None:
    stream = Terminal(terminal=terminal)
    logs.configure(stream)
    log = structlog.get_logger("hostile")
    log.warning("value_refused", detail=text, value=Hostile(text), many=[text])
    logging.getLogger("hostile").warning("the library says %s", text)
    for logger in (log, logging.getLogger("hostile")):
        try:
            raise ValueError(text)
        except ValueError:
            logger.exception("poll_failed")
    lines = stream.getvalue().split("\n")
    assert lines.pop() == ""
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)
    if not terminal:
        events = [json.loads(line) for line in lines]
        assert [one["level"] for one in events] == ["warning", "warning", "error", "error"]
        if len(text) <= 1_000:
            assert events[0]["detail"] == text
        assert "ValueError" in events[3]["exception"]
