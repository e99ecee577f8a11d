"""What all tests share: real peers as fixtures, loud skips for absent ones, the proof ledger.

A test that needs a real program says so with ``@pytest.mark.peer("mosquitto")``. Where that is
absent the test is skipped and the run ends with a list of what it cost; where
``KANMON_REQUIRE_PEERS=1`` (in CI) the test fails instead.

``--proofs FILE`` adds to FILE what became of every test that names a requirement with
``@pytest.mark.req``; `scripts/requirements` reads it. ``--slowest FILE`` adds the tests that took
longest, as seconds and name.

Tests marked ``first`` begin first, so that of several workers none is left alone with a long one at
the end.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections import defaultdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts.translation import catalogues
from tests import peers

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUIRE_PEERS = os.environ.get("KANMON_REQUIRE_PEERS") == "1"
_ABSENT = "absent-peer"
_REQ = "req"
_SLOWEST = 10
_ROOT = Path(__file__).parents[1]
_RULES = _ROOT / "docs" / "reference" / "requirements.toml"


@pytest.fixture(scope="session", autouse=True)
def _translations() -> None:
    """Compile what `scripts/assets` compiles, so that no test needs a build first."""
    catalogues.compile_all()


@pytest.fixture
def broker() -> Iterator[peers.Mosquitto]:
    """A Mosquitto of the test's own; mark the test with ``peer("mosquitto")``."""
    with peers.mosquitto() as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[peers.Postgres]:
    """One PostgreSQL cluster for this test process; mark the test with ``peer("postgres")``."""
    with peers.postgres() as running:
        yield running


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--proofs", metavar="FILE", help="add the outcome of tests marked with `req` to FILE (JSON)"
    )
    parser.addoption(
        "--slowest", metavar="FILE", help=f"add the {_SLOWEST} tests that took longest to FILE"
    )
    parser.addoption("--named-rules", action="store_true", help="only tests marked with `req`")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    names = {name for mark in item.iter_markers("peer") for name in mark.args}
    unknown = sorted(names - peers.PEERS.keys())
    if unknown:
        pytest.fail(f"no such peer: {unknown}; tests/peers.py lists them", pytrace=False)
    absent = sorted(name for name in names if peers.find(name) is None)
    if not absent:
        return
    item.user_properties.extend((_ABSENT, name) for name in absent)
    words = f"peer not installed: {', '.join(absent)} (scripts/test says how)"
    if REQUIRE_PEERS:
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Send each test's requirement ids along with its report, also from an xdist worker."""
    chapters = tomllib.loads(_RULES.read_text("utf-8"))
    rules = {rule for chapter in chapters.values() for rule in chapter}
    for item in items:
        ids = sorted({name for mark in item.iter_markers("req") for name in mark.args})
        if unknown := [name for name in ids if name not in rules]:
            raise pytest.UsageError(f"{item.nodeid} names unknown rules {unknown}: see {_RULES}")
        item.user_properties.extend((_REQ, name) for name in ids)
    if config.getoption("--named-rules"):
        items[:] = [item for item in items if item.get_closest_marker("req")]
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if hasattr(config, "workerinput"):
        return  # a worker's reports are the controller's too
    cost: dict[str, list[str]] = defaultdict(list)
    for outcome in ("skipped", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            for key, name in getattr(report, "user_properties", ()):
                if key == _ABSENT:
                    cost[name].append(report.nodeid)
    if cost:
        terminalreporter.section("PEERS NOT INSTALLED: these tests did not run", sep="!", red=True)
        for name, tests in sorted(cost.items()):
            terminalreporter.line(f"{name}: {len(tests)} tests")
            for test in sorted(set(tests)):
                terminalreporter.line(f"    {test}")
    if target := config.getoption("--proofs"):
        _add_proofs(Path(target), terminalreporter)
    if target := config.getoption("--slowest"):
        _add_slowest(Path(target), terminalreporter)


def _add_slowest(target: Path, reporter: pytest.TerminalReporter) -> None:
    """Add the longest of this run, with what was set up for each."""
    took: dict[str, float] = defaultdict(float)
    for report in chain.from_iterable(reporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            took[report.nodeid] += report.duration
    longest = sorted(took, key=lambda name: -took[name])[:_SLOWEST]
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("a", encoding="utf-8") as file:
        file.writelines(f"{took[name]:7.1f} s  {name}\n" for name in longest)


def _add_proofs(target: Path, reporter: pytest.TerminalReporter) -> None:
    """Merge this run into the file: a test counts as passed only where every run of it passed."""
    outcomes: dict[str, dict[str, str]] = (
        json.loads(target.read_text("utf-8")) if target.exists() else {}
    )
    for outcome in ("passed", "skipped", "xfailed", "failed", "error"):  # the worst comes last
        for report in reporter.stats.get(outcome, []):
            for key, name in getattr(report, "user_properties", ()):
                if key == _REQ:
                    tests = outcomes.setdefault(name, {})
                    if tests.get(report.nodeid) not in {"failed", "error"}:
                        tests[report.nodeid] = outcome
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(outcomes, indent=1, sort_keys=True) + "\n", encoding="utf-8")
