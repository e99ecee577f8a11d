"""Every figure can still be measured; how fast anything is, no test asserts."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from scripts.benchmarks.__main__ import GROUPS, main
from scripts.benchmarks.figures import Figure, page

pytestmark = pytest.mark.first

PEERS = {
    "ingest": ["postgres"],
    "fairness": ["mosquitto"],
    "gateway": ["mosquitto"],
    "latency": ["mosquitto"],
}
BY_HAND = {"peer"}
"""Installs another program from the network and takes minutes; see test_other_gateway.py."""


@pytest.mark.parametrize(
    "group",
    [
        pytest.param(name, marks=[pytest.mark.peer(*PEERS[name])] if name in PEERS else [])
        for name in GROUPS
        if name not in BY_HAND
    ],
)
def test_a_group_measures_what_it_names(group: str) -> None:
    title, measure = GROUPS[group]
    figures = measure(0.01)
    assert title
    assert figures
    for figure in figures:
        assert any(character.isdigit() for character in figure.value), figure
        assert (figure.met is None) == (figure.aim == "")


def test_a_gate_that_is_not_passed_fails_the_bench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aims = {"slow": Figure(name="speed", value="1", aim="2", met=False)}
    aims["gated"] = replace(aims["slow"], gate=True)
    groups = {name: ("A group", lambda _scale, one=one: [one]) for name, one in aims.items()}
    for name, expected in (("slow", 0), ("gated", 1)):
        monkeypatch.setattr(sys, "argv", ["bench", name])
        assert main(groups) == expected
    assert "GATE NOT PASSED: speed is 1, and must be 2" in capsys.readouterr().err


def test_the_page_says_which_aims_are_missed() -> None:
    missed = Figure(name="speed", value="1", aim="2", met=False)
    text = page([("A group", [missed])])
    assert "| speed | 1 | 2 | **no** |" in text
    assert "Machine:" in text
