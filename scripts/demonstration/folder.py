"""The folder of a demonstration: held by one at a time, and emptied for a fresh start."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scripts.demonstration.sites import FILE, GATEWAYS

_LOCK: Final = "lock"
_STORED: Final = ("portal", "broker", *(gateway.state for gateway in GATEWAYS))


class FolderInUseError(Exception):
    """Another demonstration runs in the folder."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep others out of the folder, which is made where it is missing.

    The kernel lets go of it when the process ends, however it does (flock(2)).

    Raises:
        FolderInUseError: Another process holds it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / _LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            process = lock.read().strip() or "of another account"
            raise FolderInUseError(
                f"another one runs in {folder} (process {process}). "
                "Stop it with Ctrl-C where it runs, or choose another folder with --folder"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def forget(folder: Path) -> None:
    """Remove what earlier runs stored; the ports stay."""
    for name in _STORED:
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / FILE).unlink(missing_ok=True)
