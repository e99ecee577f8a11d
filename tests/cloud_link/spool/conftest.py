"""The spool of one test, and a fast place for many."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud_link.spool.model import SpoolLimits
from cloud_link.spool.spool import Spool
from tests.faults.spool_child import BOOT, SMALL


@pytest.fixture
def usual_limits() -> SpoolLimits:
    """The limits of a spool that is opened without any."""
    return SMALL


@pytest.fixture
def open_spool(tmp_path: Path, usual_limits: SpoolLimits) -> Iterator[Callable[..., Spool]]:
    opened: list[Spool] = []

    def opener(limits: SpoolLimits = usual_limits) -> Spool:
        while opened:
            opened.pop().close()
        opened.append(Spool.open(tmp_path / "s", boot=BOOT, limits=limits))
        return opened[-1]

    yield opener
    for spool in opened:
        spool.close()


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder on a file system in memory where there is one: hundreds of spools live in it."""
    base = Path("/dev/shm")  # noqa: S108 - a folder of our own is made inside
    with tempfile.TemporaryDirectory(dir=base if base.is_dir() else None) as folder:
        yield Path(folder)
