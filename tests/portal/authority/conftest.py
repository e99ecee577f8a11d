"""An authority of the test's own, in a state folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings

CLAIM_URL = "https://portal.example.com:8443"


@pytest.fixture
def state(tmp_path: Path, settings: Settings) -> Path:
    """The portal's state folder."""
    settings.STATE = tmp_path / "portal"
    settings.CLAIM_URL = CLAIM_URL
    settings.BOX_BROKER = "mqtts://broker.example.com:8883"
    return tmp_path / "portal"


@pytest.fixture
def authority(db: None, state: Path) -> Path:
    """The same with the three roots made."""
    from portal.authority.actions import ensure_roots

    ensure_roots()
    return state
