"""What `kanmon device why` shows of a condition and its evidence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from console import language
from console.output import plain_line
from console.templates import condition, evidence
from console.text import verbatim
from drivers.report import (
    Clock,
    Code,
    Condition,
    Evidence,
    EvidenceKind,
    Reachability,
    Report,
    Severity,
)
from gateway.cli import report_view, why_view

HOSTILE = "jam; 'tray' \"2\" -> error, class HW;\n\x1b[31m \u202e 「c」 {place} " + "x" * 200
SEEN = Evidence(
    kind=EvidenceKind.REGISTER,
    address=HOSTILE,
    label=HOSTILE,
    value=HOSTILE,
    meaning=evidence.SERIAL(previous=HOSTILE),
    profile=HOSTILE,
)


def report(*found: Condition) -> Report:
    return Report(
        device="copier",
        at=90_000,
        clock=Clock(boot="0" * 32, offset=None),
        reachability=Reachability.ONLINE,
        conditions=found,
    )


@pytest.fixture(params=["en", "ja"], autouse=True)
def chosen(request: pytest.FixtureRequest) -> Iterator[str]:
    language.use(request.param)
    yield request.param
    language.use("en")


def test_what_a_device_says_is_shown_in_one_piece(capsys: pytest.CaptureFixture[str]) -> None:
    found = Condition(
        code=Code.MEDIA_JAM,
        severity=Severity.ERROR,
        message=condition.PLACED(what=condition.MEDIA_JAM(), place=HOSTILE),
        evidence=(SEEN,),
        next_step=verbatim(HOSTILE),
    )
    why_view.show(report(found))
    shown = capsys.readouterr().out
    assert shown.count(plain_line(HOSTILE)) == 7
    assert HOSTILE not in shown, "no control character reaches the terminal"


def test_a_panel_text_stays_as_the_device_wrote_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Also where it reads as a text that has a translation."""
    found = Condition(code=Code.NOTICE, severity=Severity.INFO, message=condition.MEDIA_JAM())
    own = Condition(code=Code.NOTICE, severity=Severity.INFO, message=verbatim("Ready; paper: A4"))
    why_view.show(report(found, own))
    report_view.show(report(found, own))
    shown = capsys.readouterr().out
    assert shown.count("Ready; paper: A4") == 2


def test_evidence_stands_in_columns_below_its_headings(
    chosen: str, capsys: pytest.CaptureFixture[str]
) -> None:
    short = Evidence(kind=EvidenceKind.OID, address="1.3.6", label="prtAlertCode", value="8")
    missed = Evidence(kind=EvidenceKind.GATEWAY, meaning=evidence.MISSED_POLLS(n=3))
    found = Condition(
        code=Code.POLL_LATE, severity=Severity.WARNING, evidence=(short, missed), since=30_000
    )
    why_view.show(report(found))
    heading, *rows = capsys.readouterr().out.splitlines()[-3:]
    assert rows[0].split() == ["SNMP", "prtAlertCode", "1.3.6", "8"]
    if chosen == "en":
        assert heading.split() == ["Source", "Name", "Address", "Value", "Meaning"]
        assert heading.index("Meaning") == rows[1].index("3 polls were not made on time")
