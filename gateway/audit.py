"""Who changed what on a device, kept on the box: one JSON object a line, only ever appended.

    {"at": "2026-11-21T08:00:00Z", "who": "root", "did": "write", "device": "main", ...}

A line is on the disk before the change is tried, and another says how it ended; a first line
without a second means that nobody knows.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gateway.owner import as_owner

NAME: Final = "audit.jsonl"


def note(state: Path, **facts: Any) -> None:
    """Append one line; raises `OSError`, and then the change must not be made."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = json.dumps({"at": now, **facts}, ensure_ascii=False) + "\n"
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with as_owner(state):  # with sudo: the daemon, too, must be able to append
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(state / NAME, flags, 0o600)
        try:
            left = line.encode()
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
