"""The spool of one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud_link.spool.model import SpoolLimits
from cloud_link.spool.spool import Spool
from tests.faults.spool_child import BOOT, SMALL


@pytest.fixture
def open_spool(tmp_path: Path) -> Iterator[Callable[..., Spool]]:
    opened: list[Spool] = []

    def opener(limits: SpoolLimits = SMALL) -> Spool:
        while opened:
            opened.pop().close()
        opened.append(Spool.open(tmp_path / "s", boot=BOOT, limits=limits))
        return opened[-1]

    yield opener
    for spool in opened:
        spool.close()
