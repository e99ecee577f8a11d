"""Every command that prints a result prints it for programs, too."""

from __future__ import annotations

from typing import Final

import click
import pytest

from scripts.translation import extraction

WITHOUT: Final = {
    "kanmon-portal audit export": "prints JSON lines",
    "kanmon completion": "prints a script, for a shell",
    "kanmon-portal completion": "prints a script, for a shell",
    "kanmon-portal serve": "runs until stopped; its log is JSON where no person reads it",
    "kanmon-portal ingest": "runs until stopped; its log is JSON where no person reads it",
    "kanmon-portal claims": "runs until stopped; its log is JSON where no person reads it",
    "kanmon-portal broker maintain": "runs until stopped; its log is JSON where no person reads it",
}
"""Commands without ``--json``, and why."""


def commands() -> dict[str, click.Command]:
    return {
        " ".join([program, *path.split()[1:]]): command
        for program, root in extraction.programs().items()
        for path, command in extraction.commands(root)
        if not isinstance(command, click.Group)
    }


@pytest.mark.parametrize("name", commands())
def test_every_command_takes_json(name: str) -> None:
    options = {word for p in commands()[name].params for word in (*p.opts, *p.secondary_opts)}
    assert ("--json" in options) != (name in WITHOUT)


def test_the_exceptions_are_commands() -> None:
    assert WITHOUT.keys() <= commands().keys()
