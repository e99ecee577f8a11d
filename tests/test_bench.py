"""Every figure can still be measured; how fast anything is, no test asserts."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from cloud_link.limits import MESSAGE_LIMIT
from cloud_link.topics import parse_up
from cloud_link.wire import inflate
from scripts.benchmarks import fairness
from scripts.benchmarks.__main__ import GROUPS, main
from scripts.benchmarks.fairness_attacks import ATTACKS, BenchBox
from scripts.benchmarks.figures import Figure, page

pytestmark = pytest.mark.first

PEERS = {
    "ingest": ["postgres"],
    "fairness": ["mosquitto", "postgres"],
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
def test_a_group_measures_what_it_names(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each attack takes ten seconds on each database; the next test makes all of them.
    monkeypatch.setattr(fairness, "ATTACKS", dict(list(ATTACKS.items())[-2:]))
    title, measure = GROUPS[group]
    figures = measure(0.01)
    assert title
    assert figures
    for figure in figures:
        assert any(character.isdigit() for character in figure.value), figure
        assert (figure.met is None) == (figure.aim == "")


@pytest.mark.parametrize("kind", ATTACKS)
def test_an_attack_is_a_message_of_a_box(kind: str) -> None:
    box = BenchBox("b-evil")
    for turn in range(12):
        topic, body = ATTACKS[kind](box, turn)
        assert parse_up(topic).box == "b-evil"
        assert 0 < len(body) <= len(inflate(body)) <= MESSAGE_LIMIT


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
