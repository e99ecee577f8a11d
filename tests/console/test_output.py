"""What is shown, whoever wrote it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from console import output
from console.output import plain, say_field, width
from tests.console.calls import ROOT

BAD = "Copier\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\x7f\r"
"""A title, a cleared screen, a colour in eight bits, a turned direction, a line begun anew."""


def test_what_steers_a_terminal_is_shown_as_a_number() -> None:
    shown = r"Copier\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\x7f\r"
    assert plain(BAD) == shown
    assert plain("two\nlines\tand 日本語, é, 한국어") == "two\nlines\tand 日本語, é, 한국어"


def test_a_label_and_its_text_are_two_words(capsys: pytest.CaptureFixture[str]) -> None:
    for label in ("Link", "Certificate", "A label that is long", "証明書", "ユニット番号の"):
        say_field(label, "text", cells=11)
        shown = capsys.readouterr().out
        assert shown.split() == [*label.split(), "text"]
        assert width(shown.rstrip("\n")) >= 11 + len("text")


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("", 0),
        ("meter", 5),
        ("メーター", 8),
        ("ﾒｰﾀｰ", 4),
        ("（機器）", 8),
        ("cafe\N{COMBINING ACUTE ACCENT}", 4),
        ("か\N{COMBINING KATAKANA-HIRAGANA VOICED SOUND MARK}", 2),
        ("\N{FAMILY}\N{ZERO WIDTH JOINER}\N{FAMILY}", 2),
        ("a\N{ZERO WIDTH SPACE}b", 2),
    ],
)
def test_width_is_what_a_terminal_takes(text: str, cells: int) -> None:
    assert width(text) == cells


def test_an_english_help_loads_no_rich() -> None:
    code = (
        "import sys\n"
        "from gateway.cli.main import kanmon\n"
        "kanmon.main(['device', '--help'], standalone_mode=False)\n"
        "assert 'rich' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


SHOWING = """
import sys
from console import failure, output
from console.text import verbatim
from drivers.report_reader import from_json, loads
from gateway.cli import report_view, status, why_view
output.prepare()
report, bad = sys.argv[1:]
report_view.show(from_json(loads(report)))
why_view.show(from_json(loads(report)))
device = {"name": "a", "label": bad, "reachability": "online", "state": "error",
          "reported_s": 1, "problem": None, "gravest": {"code": "x", "message": bad}}
status.show_devices([device])
output.say(bad)
output.say_wrapped(bad)
bad_text = verbatim(bad)
shown = failure.ErrorDescription(what=bad_text, where=bad, why=bad_text, next=bad_text)
failure.show_error("p", shown, as_json=False, lines=[bad])
output.say_json({"label": bad})
"""
REPORT: dict[str, Any] = {
    "device": "a",
    "at": None,
    "at_boot_ms": 1,
    "clock": {"boot": "0" * 32, "offset_ms": None},
    "reachability": "online",
    "state": "error",
    "identity": {"maker": BAD, "model": BAD, "serial": BAD, "firmware": "", "mac": ""},
    "readings": [],
    "conditions": [
        {
            "code": "media.jam",
            "severity": "error",
            "component": BAD,
            "message": BAD,
            "message_id": "",
            "message_args": {},
            "next": BAD,
            "next_id": "",
            "next_args": {},
            "source": "",
            "evidence": [
                {
                    "kind": "oid",
                    "address": BAD,
                    "label": BAD,
                    "value": BAD,
                    "meaning": BAD,
                    "meaning_id": "",
                    "meaning_args": {},
                    "profile": BAD,
                }
            ],
            "since": None,
            "since_boot_ms": 1,
        }
    ],
    "supplies": [
        {
            "kind": "toner",
            "colour": "black",
            "name": BAD,
            "level": 5,
            "capacity": None,
            "unit": "percent",
            "state": "low",
        }
    ],
}


def on_a_terminal(command: list[str], **variables: str) -> bytes:
    """What a program writes to a terminal, as it arrives there."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", **variables}
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment) as running:
        os.close(theirs)
        written = b""
        while select.select([ours], [], [], 60)[0]:
            try:
                some = os.read(ours, 65_536)
            except OSError:  # its end, on Linux
                break
            written += some
    os.close(ours)
    assert running.returncode == 0, written.decode()
    return written


def test_no_device_writes_to_the_terminal_itself() -> None:
    command = [sys.executable, "-c", SHOWING, json.dumps(REPORT), BAD]
    written = on_a_terminal(command, NO_COLOR="1", TERM="dumb")
    assert b"Copier\\x1b]0;owned" in written
    for steering in (b"\x1b", b"\x07", "\x9b".encode(), "\u202e".encode(), b"\x7f"):
        assert steering not in written
    assert b"\r" not in written.replace(b"\r\n", b"")  # the terminal's own ends of lines
    _, _, last = written.decode().replace("\r\n", "\n").rpartition("{")
    assert json.loads("{" + last) == {"label": BAD}


@pytest.mark.parametrize("columns", ["40", "80"])
def test_a_table_fits_the_terminal(columns: str, tmp_path: Path) -> None:
    rows = [["main-incomer", "受電盤の主幹メーター（3階）", "online", "a" * 90]]
    text = f"from console.output import say_table as s; s(['Device', 'Label', 'A', 'B'], {rows!r})"
    written = on_a_terminal([sys.executable, "-c", text], COLUMNS=columns, NO_COLOR="1")
    bare = re.sub(r"\x1b\[[0-9;]*m", "", written.decode())  # headings are bold
    lines = bare.replace("\r\n", "\n").splitlines()
    assert lines
    assert max(map(width, lines)) <= int(columns)
    assert "".join(lines).count("a") >= 90  # nothing is cut off


def test_no_name_begins_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    name = "x\nOK: y"
    output.say("first", name)
    output.say_field("Label", name)
    output.say_wrapped(name)
    output.say_table(["Device"], [[name]])
    lines = capsys.readouterr().out.splitlines()
    assert "first" in lines
    assert not [line for line in lines if line.lstrip().startswith("OK")]
    assert sum(r"x\nOK: y" in line for line in lines) == 4
