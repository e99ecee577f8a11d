"""Files that appear whole or not at all, and keys that nobody else can read."""

from __future__ import annotations

import grp
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from console.templates import system
from console.text import Template
from portal.authority.errors import AuthorityError, system_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEY_FILE: Final = "key.pem"
"""In the folder of what was issued; beside it:"""
CERTIFICATE_FILE: Final = "certificate.pem"
TRUST_FILE: Final = "trust.pem"
GROUP_NOT_SET: Final = Template(
    "authority.group_not_set", "the file cannot be given to the group {group}"
)
JOIN_GROUP: Final = Template(
    "authority.join_group", "add this account to the group with `usermod -a -G {group} ACCOUNT`"
)
ALREADY_EXISTS: Final = Template(
    "authority.already_exists", "a file or folder with this name already exists"
)
OTHER_FOLDER: Final = Template(
    "authority.other_folder", "move it away, or name another folder with --out"
)
NOT_WRITTEN: Final = Template("authority.not_written", "the file cannot be written")

PRIVATE: Final = 0o600
PUBLIC: Final = 0o644


def create(path: Path, content: bytes) -> bool:
    """Make a private file that was not there; ``False``, and nothing done, where it was.

    Raises:
        AuthorityError: It cannot be made.
    """
    with _as_authority_error(path), _draft(path, content, PRIVATE) as draft:
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return False
        _sync(path.parent)
        return True


def replace(path: Path, content: bytes, mode: int, *, group: int | None = None) -> None:
    """Make a file, or replace the one that is there, in one step; raises `AuthorityError`.

    With ``group``, it belongs to that group before it has its name.
    """
    with _as_authority_error(path), _draft(path, content, mode) as draft:
        if group is not None:
            change_group(draft, group)
        draft.replace(path)
        _sync(path.parent)


def change_group(path: Path, group: int) -> None:
    """Give a file or folder to a group; raises `AuthorityError`."""
    try:
        os.chown(path, -1, group)
    except OSError as error:
        name = _group_name(group)
        raise AuthorityError(
            GROUP_NOT_SET(group=name),
            where=str(path),
            why=system.reason(error),
            next_step=JOIN_GROUP(group=name),
        ) from error


def _group_name(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)


def create_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder with private files in it, all of them or none.

    Raises:
        AuthorityError: Something of that name is there, or it cannot be made.
    """
    if path.exists():
        raise AuthorityError(ALREADY_EXISTS(), where=str(path), next_step=OTHER_FOLDER())
    with _as_authority_error(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        try:
            for name, content in files.items():
                _write(draft / name, content, PRIVATE)
            _sync(draft)
            draft.rename(path)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        _sync(path.parent)


@contextmanager
def _as_authority_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AuthorityError(
            NOT_WRITTEN(), where=str(path), why=system.reason(error), next_step=system_step(error)
        ) from error


@contextmanager
def _draft(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(descriptor)
    draft = Path(name)
    try:
        _write(draft, content, mode)
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
