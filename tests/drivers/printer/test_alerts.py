"""Which alerts of a printer count, and for what."""

from __future__ import annotations

import pytest

from console.templates import condition
from drivers.printer import alerts
from drivers.printer.fault import PrinterFault
from drivers.printer.mib import Row
from drivers.report import Code, Severity
from protocols.snmp.model import Value


def alert(**columns: int | bytes) -> Row:
    usual: dict[int, Value] = {2: 5, 3: 4, 4: 5, 5: 1, 6: 0, 7: 8, 8: b""}
    return Row(usual | {int(name[1:]): value for name, value in columns.items()})


def told(*table: Row, uptime: int | None = None, pjl: bool = False) -> list[PrinterFault]:
    printer = alerts.Printer(uptime=uptime, supplies={2: "toner cyan"}, places={}, pjl=pjl)
    return alerts.faults({(1, number): row for number, row in enumerate(table, 1)}, printer)


@pytest.mark.parametrize(
    "row",
    [
        alert(c2=0),
        alert(c2=1, c7=0),
        alert(c2=1, c7=1),
        alert(c2=1, c7=507),
        alert(c7=1801),
        Row(),
    ],
)
def test_rows_that_say_nothing_is_wrong_are_dropped(row: Row) -> None:
    assert told(row) == []


def test_a_removal_closes_the_row_it_names() -> None:
    assert [t.code for t in told(alert(), alert(c7=501), alert(c4=18, c5=1, c7=1801))] == [
        Code.COVER_OPEN
    ]


def test_a_warning_without_an_end_ends_after_an_hour_by_the_printer_s_clock() -> None:
    warning = alert(c2=4, c9=1000)

    assert told(warning, uptime=1000 + 100 * 3599)
    assert not told(warning, uptime=1000 + 100 * 3600)
    assert told(warning)
    assert told(warning, uptime=10)  # it restarted meanwhile: then nobody knows


def test_an_alert_names_the_part_it_is_about() -> None:
    rows_told = told(
        alert(c4=8, c5=2, c7=808), alert(c4=11, c5=2, c7=1104), alert(c4=11, c5=9, c7=1104),
        alert(c4=8, c5=-1, c7=808), alert(c4=99, c5=1), alert(c4=5, c5=1),
    )  # fmt: skip

    assert [t.component for t in rows_told] == [
        "input 2", "toner cyan", "supply 9", "input", "", ""
    ]  # fmt: skip


def test_brother_s_code_in_the_place_of_the_place_decides() -> None:
    (sleep,) = told(alert(c2=3, c6=40000, c7=2, c8=b"Sleep"), pjl=True)
    (paper,) = told(alert(c2=3, c6=41213, c7=2, c8=b"No Paper"), pjl=True)

    assert (sleep.code, sleep.severity) == (Code.NOTICE, Severity.INFO)
    assert (paper.code, paper.severity) == (Code.MEDIA_EMPTY, Severity.ERROR)


def test_a_place_of_another_maker_s_printer_lowers_no_alert() -> None:
    (jam,) = told(alert(c2=3, c6=10001, c7=8))

    assert (jam.code, jam.severity) == (Code.MEDIA_JAM, Severity.ERROR)
    assert "prtAlertLocation" not in {entry.label for entry in jam.evidence}


def test_a_notice_without_words_gets_the_standard_s() -> None:
    (notice,) = told(alert(c7=503))

    assert notice.words == condition.ALERT(name="power up")


def test_a_text_that_would_steer_a_terminal_is_words_and_its_octets_evidence() -> None:
    evil = b"\x1b]0;owned\x07\x1b[31mJam\r\n\xe2\x80\xaeretni"
    (jam,) = told(alert(c2=3, c7=8, c8=evil))

    assert str(jam.words).isprintable()
    assert "Jam" in str(jam.words)
    assert jam.evidence[-1].value == f"0x{evil.hex()}"
    assert all(str(entry).isprintable() for entry in jam.evidence)
