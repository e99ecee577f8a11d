"""Disk faults for tests: calls that fail, and power cuts.

`build` compiles the shim of ``diskfault.c``. A child started with `environment` runs under it and
controls it through `Shim`. `journal` reads the shim's journal, and `PowerCut` rebuilds the possible
contents of a disk when power fails at any point of it:

* data written before a file's last sync is there;
* of later writes, any part may be there, in any order, torn at sectors of 512 bytes;
* names made, changed or removed since the folder's last sync may or may not be there.
"""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
_HEAD = struct.Struct("<cIIq")


def build(folder: Path) -> Path | None:
    """The compiled shim, or ``None`` where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    shim = folder / "diskfault.so"
    source = Path(__file__).with_suffix(".c")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(shim), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return shim


def environment(shim: Path, root: Path) -> dict[str, str]:
    """The environment of a child that runs under ``shim`` and imports from ``root``."""
    return {**os.environ, "LD_PRELOAD": str(shim), "PYTHONPATH": str(root)}


class Shim:
    """The shim of this process, which must have been started with it preloaded."""

    ENOSPC, EIO_SYNC, EIO_WRITE = 1, 2, 3

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.diskfault_calls.restype = ctypes.c_long
        self._library.diskfault_fired.restype = ctypes.c_long
        self._library.diskfault_arm.argtypes = [ctypes.c_int, ctypes.c_long, ctypes.c_long]

    def watch(self, folder: Path, journal: Path | None = None) -> None:
        """Watch the files under ``folder`` from now on."""
        log = str(journal).encode() if journal else b""
        self._library.diskfault_watch(str(folder).encode(), log)

    def arm(self, kind: int, after: int, count: int) -> None:
        """Let ``after`` writes and syncs pass, then fail the next ``count``."""
        self._library.diskfault_arm(kind, after, count)

    def disarm(self) -> None:
        """Fail nothing, and count from zero."""
        self._library.diskfault_arm(0, 0, 0)

    def calls(self) -> int:
        """Writes and syncs since it was last armed or disarmed."""
        return int(self._library.diskfault_calls())

    def fired(self) -> int:
        """Failures given since it was last armed."""
        return int(self._library.diskfault_fired())

    def note(self, text: str) -> None:
        """Write a mark into the journal, in order with the disk's calls."""
        self._library.diskfault_note(text.encode())


@dataclass(frozen=True, slots=True)
class Step:
    """One entry: W write, S sync, T truncate or extend, C create, U unlink, R rename, N note."""

    kind: str
    path: str
    offset: int
    data: bytes


def journal(path: Path) -> Iterator[Step]:
    """The entries of the journal at ``path``."""
    content = path.read_bytes()
    place = 0
    while place < len(content):
        kind, name, length, offset = _HEAD.unpack_from(content, place)
        place += _HEAD.size
        # Only writes, renames and notes are followed by data.
        follows = length if kind in b"WRN" else 0
        target = content[place : place + name].decode()
        data = content[place + name : place + name + follows]
        place += name + follows
        yield Step(kind.decode(), target, offset, data)


@dataclass(slots=True)
class _File:
    """The synced content of a file, and the steps since its last sync."""

    durable: bytearray = field(default_factory=bytearray)
    since: list[Step] = field(default_factory=list)

    def sync(self) -> None:
        for step in self.since:
            _apply(self.durable, step, None)
        self.since.clear()


class PowerCut:
    """A disk under the files of ``folder`` that takes one step after another, until it is cut."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._names: dict[str, _File] = {}
        self._synced_names: dict[str, _File] = {}

    def take(self, step: Step) -> None:
        """Apply the next step of the journal."""
        if step.kind == "C":
            self._names[step.path] = _File()
        elif step.kind == "U":
            self._names.pop(step.path, None)
        elif step.kind == "R":
            self._names[step.data.decode()] = self._names.pop(step.path)
        elif step.kind == "S" and step.path == self._folder:
            self._synced_names = dict(self._names)
        elif step.kind == "S" and step.path in self._names:
            self._names[step.path].sync()
        elif step.kind in "WT" and step.path in self._names:
            self._names[step.path].since.append(step)

    def cut(self, target: Path, chance: random.Random, kept: float) -> None:
        """Write a possible content of the disk into the empty folder ``target``.

        Args:
            target: The folder of the resulting files.
            chance: Chooses the steps that survive without a sync.
            kept: The part of these that survives, from 0 to 1.
        """
        names = self._names if chance.random() < kept else self._synced_names
        for path, content in names.items():
            held = bytearray(content.durable)
            for step in content.since:
                if kept >= 1:
                    _apply(held, step, None)
                elif chance.random() < kept:
                    _apply(held, step, chance)
            (target / Path(path).name).write_bytes(held)


def _apply(held: bytearray, step: Step, torn: random.Random | None) -> None:
    if step.kind == "T":
        del held[step.offset :]
        held.extend(bytes(step.offset - len(held)))
        return
    for start in range(0, len(step.data), SECTOR):
        if torn is not None and torn.random() < 0.2:
            continue
        piece = step.data[start : start + SECTOR]
        place = step.offset + start
        held.extend(bytes(max(0, place + len(piece) - len(held))))
        held[place : place + len(piece)] = piece
