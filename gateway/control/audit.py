"""Who changed what on a device, kept on the box: one JSON object a line, only ever appended.

    {"at": "2026-11-21T08:00:00Z", "who": "root", "did": "write", "device": "main", ...}

A line is on the disk before the change is tried, and another says how it ended; a first line
without a second means that nobody knows.
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


def note(state: Path, **facts: Any) -> None:
    """Append one line; raises `OSError`, and then the change must not be made."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = json.dumps({"at": now, **facts}, ensure_ascii=False) + "\n"
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(state / NAME, flags, 0o600)
    try:
        _let_the_owner_have(descriptor, state)
        left = line.encode()
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _let_the_owner_have(descriptor: int, state: Path) -> None:
    """With sudo: the daemon, too, must be able to append; but root gives away no other file.

    The daemon notes as well, beside other threads, so that `gateway.install.privileges` is not for
    here.
    """
    found, owner = os.fstat(descriptor), state.stat()
    alone = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
    if not alone or found.st_uid not in {os.geteuid(), owner.st_uid}:
        raise PermissionError(errno.EPERM, "the audit is a link to another file", state / NAME)
    if os.geteuid() == 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
