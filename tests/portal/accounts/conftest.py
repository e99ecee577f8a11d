"""The browser and the built assets of the walks of signing in."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.console.calls import ROOT
from tests.portal.web.conftest import browser as browser


@pytest.fixture(scope="module")
def built() -> None:
    """What the pages load is built."""
    subprocess.run([sys.executable, "scripts/assets"], cwd=ROOT, check=True)
