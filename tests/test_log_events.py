"""A log line is an event's name and its fields, never a sentence that somebody has to parse."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGES: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "root_packages"
]
EVENT: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
METHODS: Final = {"debug", "info", "warning", "error", "critical", "exception"}
MAKERS: Final = {"structlog.get_logger", "logging.getLogger", "event_log"}


def loggers(tree: ast.Module) -> set[str]:
    """The names that a module gives its loggers."""
    return {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if ast.unparse(node.value.func) in MAKERS
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def log_calls(tree: ast.Module) -> Iterator[ast.Call]:
    names = loggers(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            logger = node.func.value
            if node.func.attr in METHODS and isinstance(logger, ast.Name) and logger.id in names:
                yield node


def named(call: ast.Call) -> bool:
    """Whether a call logs one event by its name, and all else as fields."""
    if len(call.args) != 1 or not isinstance(call.args[0], ast.Constant):
        return False
    event = call.args[0].value
    return isinstance(event, str) and EVENT.fullmatch(event) is not None


def sentences(source: str) -> list[str]:
    """The log calls of a source text that do not name an event."""
    return [
        f"line {call.lineno}: {ast.unparse(call)[:90]}"
        for call in log_calls(ast.parse(source))
        if not named(call)
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_log_events_are_names_with_fields(package: str) -> None:
    wrong = {
        str(file.relative_to(ROOT)): found
        for file in sorted((ROOT / package).rglob("*.py"))
        if (found := sentences(file.read_text()))
    }
    assert not wrong


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ('log.info("device_recovered", device=name)', False),
        ('log.error("driver_failed", exc_info=error)', False),
        ('log.info("device answers again", device=name)', True),
        ('log.info("stopped")', True),
        ('log.info("spool.damaged")', True),
        ('log.info(f"device_{name}")', True),
        ('log.info("device_recovered %s", name)', True),
        ('log.info("device_recovered", name)', True),
        ("log.info(words)", True),
        ('other.info("a sentence of nobody\'s log")', False),
    ],
)
def test_a_sentence_is_recognised(call: str, wrong: bool) -> None:
    assert bool(sentences(f"log = structlog.get_logger()\n{call}")) is wrong
