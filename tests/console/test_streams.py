"""What a call does where its output cannot go, or its input does not come from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console.calls import MODULES, environment

KEYS = {"code", "number", "message", "args", "what", "where", "why", "next"}

WORDS = [
    ("kanmon", "--help"),
    ("kanmon", "device list"),
    ("kanmon", "completion bash"),
    ("kanmon", "status --json"),
    ("kanmon", "config check config.yaml --json"),
    ("kanmon", "nonsense"),
    ("kanmon-portal", "--help"),
    ("kanmon-portal", "completion bash"),
    ("kanmon-portal", "key list --json"),
    ("kanmon-portal", "nonsense"),
]
USUAL = {"status --json": 2, "key list --json": 2, "nonsense": 3}
"""How those end that cannot do their work here; the others do it."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    device = '{name: a, url: "modbus-tcp://127.0.0.1:9/?unit=1&profile=eastron-sdm630"}'
    (tmp_path / "config.yaml").write_text(
        f"version: 1\nsite: {{time_zone: UTC}}\ndevices: [{device}]\n"
    )
    return tmp_path


def call(
    state: Path, program: str, words: str, redirected: str
) -> subprocess.CompletedProcess[bytes]:
    """As a shell would, which also makes what no program of ours can: closed streams."""
    line = f'"$PYTHON" -m {MODULES[program]} {words} {redirected}; exit ${{PIPESTATUS[0]}}'
    return subprocess.run(
        ["bash", "-c", line],
        env=environment(state) | {"PYTHON": sys.executable},
        cwd=state,
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(("program", "words"), [WORDS[1], WORDS[3], WORDS[8], WORDS[9]])
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_nothing_about_a_call(
    state: Path, program: str, words: str, closed: str
) -> None:
    done = call(state, program, words, closed)
    assert done.returncode == USUAL.get(words, 0), done
    assert b"Traceback" not in done.stdout + done.stderr
    assert b"fault of kanmon" not in done.stdout + done.stderr


@pytest.mark.parametrize(("program", "words"), WORDS)
def test_an_output_on_a_full_disk_is_told(state: Path, program: str, words: str) -> None:
    done = call(state, program, words, ">/dev/full")
    assert b"Traceback" not in done.stderr
    if words == "nonsense":  # says nothing there
        assert done.returncode == 3
        return
    assert done.returncode == 2, done
    told = done.stderr.decode()
    assert "the output cannot be written" in told
    assert "no space left on device" in told
    assert "check where the output goes" in told


@pytest.mark.parametrize(("program", "words"), WORDS)
def test_where_not_even_an_error_can_be_told_the_code_says_so(
    state: Path, program: str, words: str
) -> None:
    done = call(state, program, words, ">/dev/full 2>/dev/full")
    assert done.returncode == 2  # and not 1, with which Python ends where it cannot write


@pytest.mark.parametrize(("program", "words"), WORDS)
def test_a_reader_that_goes_early_is_no_failure(state: Path, program: str, words: str) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", MODULES[program], *words.split()],
            env=environment(state),
            cwd=state,
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr
    assert done.returncode == (3 if words == "nonsense" else 0)


FAULT = """
import sys
from console.program import Program
from console.text import verbatim
import click

@click.command()
@click.option("--json", is_flag=True)
def broken(json):
    {body}

Program(name="p", commands=broken, describe=lambda error: None, fault_next=verbatim("see it")).run(
    verbose="--verbose" in {words!r}
)
"""


def program(body: str, *words: str, verbose: bool = False) -> subprocess.CompletedProcess[str]:
    text = FAULT.format(body=body, words=("--verbose",) if verbose else ())
    return subprocess.run(
        [sys.executable, "-c", text, *words], capture_output=True, text=True, check=False
    )


def test_a_fault_of_our_own_is_no_traceback_unless_it_was_asked_for() -> None:
    told = program("1 / 0")
    assert told.returncode == 2
    assert "internal error of p" in told.stderr
    assert "ZeroDivisionError" in told.stderr
    assert "see it" in told.stderr
    assert "Traceback" not in told.stderr
    assert "Traceback" in program("1 / 0", verbose=True).stderr


@pytest.mark.parametrize("body", ["raise KeyboardInterrupt", "raise EOFError", "1 / 0"])
def test_a_program_is_told_of_every_end_in_one_json_value(body: str) -> None:
    done = program(body, "--json")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert error["what"]
    assert error["next"]
    assert error.keys() == KEYS
