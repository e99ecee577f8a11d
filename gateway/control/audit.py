"""The audit log of changes to devices: a file on the box, one JSON object a line, append only.

::

    {"at": "2026-11-21T08:00:00Z", "action": "write", "outcome": "attempted", "who": "root",
     "device": "main", "setting": "demand-period", "before": "30.0", "requested": "15"}
    {"at": "2026-11-21T08:00:01Z", "action": "write", "outcome": "written", "who": "root", ...}

The first line is on the disk before the change is attempted, the second says how it ended: a first
line without a second means that the outcome is not known.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

NAME: Final = "audit.jsonl"


class LinkedFileError(PermissionError):
    """The audit log is a link to another file, or another account's; see errno EPERM."""


def append(state: Path, *, action: str, outcome: str, **details: Any) -> None:
    """Append one line, which is on the disk when this returns.

    Args:
        state: The state folder.
        action: What is done to a device: ``write``.
        outcome: How far it came: ``attempted``, ``written``, or an error.
        details: Further members of the line.

    Raises:
        OSError: The line was not kept; the change must not be made.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entry = {"at": now, "action": action, "outcome": outcome, **details}
    line = json.dumps(entry, ensure_ascii=False) + "\n"
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(state / NAME, flags, 0o600)
    try:
        _give_to_owner(descriptor, state)
        # A name that is not UTF-8 came in as lone surrogates, which JSON can escape.
        left = line.encode("utf-8", "backslashreplace")
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _give_to_owner(descriptor: int, state: Path) -> None:
    """Let the daemon append to what a command under sudo made; root gives away no other file.

    `gateway.install.privileges` changes the user of the whole process, and the daemon appends here
    while its other threads run.
    """
    found, owner = os.fstat(descriptor), state.stat()
    alone = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
    if not alone or found.st_uid not in {os.geteuid(), owner.st_uid}:
        raise LinkedFileError(errno.EPERM, os.strerror(errno.EPERM), str(state / NAME))
    if os.geteuid() == 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
