"""A line of the portal's log is one line, whatever was logged, and boxes cannot fill it."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.core.exceptions import DisallowedHost
from gunicorn.config import Config
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from portal import logs
from portal.log_budget import BOXES, LINES, LogBudget
from portal.logs import LineFormatter, RequestFilter, event_log, log_suppressed
from portal.server import LineLogger

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    [
        "x\n2026-11-29 00:00:00,000 INFO box_added box=b-good",
        "\x1b[2J\x1b[31m\r",
        "\x9b31m \x85 \u2028 \u2029",
        "\u202eevil\u2066",
        "x" * 70_000,
    ]
)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the handler of the settings writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    formatters: Any = settings.LOGGING["formatters"]
    assert formatters["line"] == {"()": "portal.logs.LineFormatter"}
    handler.setFormatter(LineFormatter())
    logger = logging.getLogger("hostile")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    yield stream
    logger.handlers, logger.propagate = [], True


class Hostile:
    """A value that writes itself as it likes."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


@given(text=TEXT)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_record_is_one_printable_line(log: io.StringIO, text: str) -> None:
    log.seek(0)
    log.truncate()
    event_log("hostile").warning("value_refused", detail=text, value=Hostile(text), many=[text])
    logging.getLogger("hostile").warning("the library says %s", text)
    try:
        raise ValueError(text)
    except ValueError:
        event_log("hostile").exception("message_failed", detail=text)
    lines = log.getvalue().split("\n")
    assert lines.pop() == ""
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert max(map(len, lines)) < 200_000
    assert "ValueError" in lines[2]


def test_half_a_surrogate_pair_is_escaped() -> None:
    """Apart: the plugin that captures logs for a report cannot carry one to another process."""
    record = logging.makeLogRecord({"msg": "the library says %s", "args": ("\ud800",)})
    line = LineFormatter().format(record)
    assert "\\ud800" in line
    assert line.isprintable()


def test_the_log_of_the_web_server_is_one_line_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config()
    logger = LineLogger(config)
    stream = io.StringIO()
    for handler in logger.error_log.handlers:
        assert isinstance(handler, logging.StreamHandler)
        monkeypatch.setattr(handler, "stream", stream)
    logger.error("Invalid request: %s", "a\nb\x1b[2J\u202e")
    assert stream.getvalue().endswith("Invalid request: a\\u000ab\\u001b[2J\\u202e\n")
    assert stream.getvalue().count("\n") == 1


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_box_over_its_budget_is_counted_and_the_others_are_logged(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(logs, "budget", LogBudget(clock))
    flood = event_log("hostile")
    for number in range(9_000):
        flood.warning("record_quarantined", box="b-evil", seq=number)
    flood.warning("record_quarantined", box="b-good", seq=1)
    assert log.getvalue().count("\n") == LINES + 1
    assert "box=b-good" in log.getvalue()
    clock.seconds += 60
    assert logs.budget.suppressed() == [("b-evil", 9_000 - LINES)]
    flood.warning("record_quarantined", box="b-evil", seq=9_000)
    assert log.getvalue().endswith("box=b-evil seq=9000\n")


def test_what_was_left_out_is_logged_once_with_its_number(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(logs, "budget", LogBudget(clock))
    for _ in range(LINES + 5):
        logs.budget.take("b-evil")
    with caplog.at_level(logging.WARNING):
        log_suppressed()
        assert not caplog.messages
        clock.seconds += 60
        log_suppressed()
        log_suppressed()
    assert caplog.messages == ["log_lines_suppressed box=b-evil lines=5"]


def test_invented_names_share_one_budget() -> None:
    budget = LogBudget(Clock())
    allowed = sum(budget.take(f"b-{number}") for number in range(BOXES + 10 * LINES))
    assert allowed == BOXES + LINES


@given(
    steps=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=300),
)
def test_no_box_has_more_lines_in_any_minute_than_twice_the_budget(
    steps: list[tuple[str, float]],
) -> None:
    clock = Clock()
    budget = LogBudget(clock)
    logged: dict[str, list[float]] = {}
    counts: dict[str, Any] = {"taken": 0, "left": 0}
    for box, pause in steps:
        clock.seconds += pause
        for _ in range(10):
            if budget.take(box):
                logged.setdefault(box, []).append(clock.seconds)
                counts["taken"] += 1
        counts["left"] += sum(number for _, number in budget.suppressed())
    clock.seconds += 60
    counts["left"] += sum(number for _, number in budget.suppressed())
    assert counts["taken"] + counts["left"] == 10 * len(steps)
    for moments in logged.values():
        for start in moments:
            assert sum(start <= at < start + 60 for at in moments) <= 2 * LINES


@pytest.mark.parametrize("name", ["django.security.DisallowedHost", "django.request"])
def test_requests_of_strangers_do_not_fill_the_log(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(logs, "request_budget", LogBudget(clock))
    handler = logging.StreamHandler(stream := io.StringIO())
    of_portal: Any = settings.LOGGING
    assert of_portal["handlers"]["console"]["filters"] == ["requests"]
    assert of_portal["filters"]["requests"] == {"()": "portal.logs.RequestFilter"}
    handler.addFilter(RequestFilter())
    handler.setFormatter(LineFormatter())
    logger = logging.getLogger(name)
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    for number in range(1_000):
        try:
            raise DisallowedHost(f"evil{number}.example")
        except DisallowedHost as error:
            logger.warning("refused: %s", error, exc_info=error)
    logger.error("the portal failed")
    lines = stream.getvalue().splitlines()
    assert len(lines) == LINES + 1
    assert "the portal failed" in lines[-1], "a flood hides no error"
    assert ("Traceback" in stream.getvalue()) is (name == "django.request")
    clock.seconds += 60
    assert logs.request_budget.suppressed() == [(f"{name}:WARNING", 1_000 - LINES)]
