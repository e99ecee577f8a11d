"""Nothing is fetched at run time: everything starts and works where there is no way out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import peers

pytestmark = [pytest.mark.timeout(240), pytest.mark.first]
ROOT = Path(__file__).resolve().parents[2]
COUNTED = """
import runpy, sys
from tests.e2e.without_network import check_namespace, refusals
check_namespace()
before, sys.argv = refusals(), sys.argv[1:]
try:
    runpy.run_module("scripts.demonstration", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
assert refusals() == before, "something looked for a way out"
print("no way out was looked for")
"""
"""Runs the demonstration, and counts who looked for a way out meanwhile."""


def isolated(*words: str) -> str:
    """What Python prints in a network namespace that holds a loopback only."""
    found = peers.find("network-namespace")
    assert found is not None
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))}
    inside = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, *words]
    done = subprocess.run(
        [found, "--net", *own, "--", *inside],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def _assets() -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "assets"], check=True, capture_output=True)


@pytest.mark.peer("network-namespace")
def test_pages_with_all_their_files_and_an_enrolment(tmp_path: Path) -> None:
    told = isolated("-m", "tests.e2e.without_network", str(tmp_path))
    assert "no way out was looked for" in told


@pytest.mark.peer("network-namespace", "mosquitto")
def test_gateways_a_broker_ingest_and_pages(tmp_path: Path) -> None:
    told = isolated(
        *("-c", COUNTED, "scripts.demonstration", "--folder", str(tmp_path / "demo")),
        *("--port", "0", "--once", "--broker", "installed"),
    )
    assert "readings of 6 devices are in the portal and on its page" in told
    assert "no way out was looked for" in told
