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

from console.templates import control, enrol, system
from console.text import Message, MessageError

FILE: Final = "box.json"
_DRAFT: Final = ".box-"
_ID: Final = re.compile(r"b-[a-z2-7]{10}")


class IdentityError(MessageError):
    """The box's id cannot be read or made."""

    def __init__(self, what: Message, where: Path, why: Message, next_step: Message) -> None:
        super().__init__(what, where=str(where), why=why, next_step=next_step)


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
        disk = error.errno in {errno.ENOSPC, errno.EROFS, errno.EDQUOT}
        raise IdentityError(
            enrol.BOX_ID_NOT_STORED(),
            path,
            system.reason(error),
            enrol.CHECK_DISK() if disk else enrol.OWN_FOLDER(),
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
            enrol.BOX_ID_UNREADABLE(), path, system.reason(error), control.AS_OWNER()
        ) from error
    except ValueError:
        content = None
    box = content.get("box") if isinstance(content, dict) else None
    if not isinstance(box, str) or not _ID.fullmatch(box):
        raise IdentityError(enrol.BOX_ID_DAMAGED(), path, enrol.NEW_ID(), enrol.RESTORE_ID())
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
