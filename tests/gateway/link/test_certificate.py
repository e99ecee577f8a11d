"""Until when the box's certificate lasts, and what is said of it in time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.templates import evidence
from drivers.report import Clock, Code, Severity
from gateway.health.health import Health, ProcessFigures, SpoolFigures
from gateway.link.certificate import NOTICE_MS, unix_ms, validity

ENDS = "2027-03-01T12:00:00Z"
ENDS_AT = int(datetime(2027, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)
AT = 1_000
PROCESS = ProcessFigures(resident=1, cpu_ms=1, uptime_s=1)


def left(milliseconds: int) -> Clock:
    """By which so much time is left at `AT`."""
    return Clock(boot="0" * 32, offset=ENDS_AT - milliseconds - AT)


@pytest.mark.parametrize(
    ("milliseconds", "severity", "words"),
    [
        (NOTICE_MS + 1, None, ""),
        (NOTICE_MS, Severity.WARNING, "expires on 2027-03-01"),
        (1, Severity.WARNING, "expires on 2027-03-01"),
        (0, Severity.ERROR, "expired on 2027-03-01"),
        (-NOTICE_MS, Severity.ERROR, "expired on 2027-03-01"),
    ],
)
def test_health_says_it_a_month_ahead_and_more_gravely_once_it_is_so(
    milliseconds: int, severity: Severity | None, words: str
) -> None:
    clock, health = left(milliseconds), Health("1", "b")
    report = health.report(AT, clock, SpoolFigures(), PROCESS, {}, unix_ms(ENDS))
    if severity is None:
        assert report.conditions == ()
        return
    (found,) = report.conditions
    assert (found.code, found.severity) == (Code.CERTIFICATE_EXPIRING, severity)
    assert words in str(found.message)
    (seen,) = found.evidence
    assert (seen.value, seen.meaning) == ("2027-03-01T12:00:00Z", evidence.EXPIRES())
    # Enrolled again: the next report is without it.
    later = health.report(AT + 1, clock, SpoolFigures(), PROCESS, {}, ENDS_AT + 3 * NOTICE_MS)
    assert later.conditions == ()


def test_without_a_clock_or_a_certificate_nothing_is_guessed() -> None:
    unset = Clock(boot="0" * 32, offset=None)
    assert validity(None, left(0), AT) is None
    found = validity(ENDS_AT, unset, AT)
    assert found is not None
    assert found.condition() is None
    assert found.to_json() == {"expires_at": ENDS, "left_s": None, "soon": False, "expired": False}


@pytest.mark.parametrize("text", ["", "soon", "2027-03-01T12:00:00", "2027-13-01T12:00:00Z"])
def test_what_is_no_moment_is_none(text: str) -> None:
    assert unix_ms(text) is None


def test_a_moment_may_have_any_offset() -> None:
    assert unix_ms(ENDS) == unix_ms("2027-03-01T21:00:00+09:00") == ENDS_AT
