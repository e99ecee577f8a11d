"""The box's id: made once and kept for the life of the state folder.

``STATE/box.json`` is ``{"version": 1, "box": "b-k5qx..."}``, mode 0600. A damaged file is an
error for a user to look at, never a reason to make another id, which would orphan everything the
portal knows of this box.

Source: design sections 5 and 6.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Final

from console.text import Message, MessageError

FILE: Final = "box.json"
_DRAFT: Final = ".box-"
_ID: Final = re.compile(r"b-[a-z2-7]{10}")
_OWNERSHIP_STEP: Final = "let the gateway's user own the state folder, or name another with --state"
_DISK_STEP: Final = "look at that disk: it is full, or cannot be written; then try again"


class IdentityError(MessageError):
    """The box's id cannot be read or made."""

    def __init__(self, what: Message | str, where: Path, next_step: Message | str) -> None:
        super().__init__(what, where=str(where), next_step=next_step)


def box_id(state: Path) -> str:
    """Return this box's id, ``b-`` and ten base32 characters (50 random bits); make it if missing.

    Of several processes that call this at the same time, one makes the id and all return it.

    Raises:
        IdentityError: The file is damaged, or cannot be read or made.
    """
    path = state / FILE
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    try:
        _make(path)
        return _read(path)
    except OSError as error:
        raise IdentityError(
            f"the box id cannot be kept: {error.strerror}",
            path,
            _DISK_STEP
            if error.errno in {errno.ENOSPC, errno.EROFS, errno.EDQUOT}
            else _OWNERSHIP_STEP,
        ) from error


def clean(state: Path) -> None:
    """Remove drafts that interrupted calls of `box_id` left; call it once there is an id."""
    for path in state.glob(_DRAFT + "*"):
        path.unlink(missing_ok=True)


def _read(path: Path) -> str:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise IdentityError(
            f"the box id cannot be read: {error.strerror}",
            path,
            "Run the command as the user the gateway runs as, or with sudo",
        ) from error
    except ValueError:
        content = None
    box = content.get("box") if isinstance(content, dict) else None
    if not isinstance(box, str) or not _ID.fullmatch(box):
        raise IdentityError(
            "the file is damaged, and a new id would be another box to the portal",
            path,
            "Restore it from a backup; or move it away to begin as a new box",
        )
    return box


def _make(path: Path) -> None:
    word = base64.b32encode(secrets.token_bytes(7)).decode("ascii").lower()[:10]
    # Exclusive link after fsync: whoever comes second keeps the first one's id, whole.
    descriptor, name = tempfile.mkstemp(prefix=_DRAFT, dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps({"version": 1, "box": f"b-{word}"}).encode() + b"\n")
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(beside, path)
        except (FileExistsError, FileNotFoundError):  # the latter: tidied away by `clean`
            return
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        beside.unlink(missing_ok=True)
