"""The folder of the portal's database, and the keys in it: of sessions and of the audit log."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from config.private import close_files, close_folder
from console.templates import system
from console.text import Message, Template
from portal.environment.database_url import DATABASE
from portal.environment.errors import SettingsError

PACKAGE: Final = Path(__file__).resolve().parents[1]
"""The folder of the program itself, where no data lives."""

KEY: Final = "secret.key"
AUDIT_KEY: Final = "audit.key"
CONTENTS: Final = frozenset({KEY, AUDIT_KEY, DATABASE, "authority"})
"""What is found in a state folder."""

KEY_UNUSABLE: Final = Template(
    "environment.key_unusable", "the key that signs the portal's sessions cannot be used"
)
WRITABLE_FOLDER: Final = Template(
    "environment.writable_folder",
    "set KANMON_PORTAL_STATE to a folder outside the program that this account can write to",
)
KEY_DAMAGED: Final = Template(
    "environment.key_damaged", "the key that signs the portal's sessions is too short or damaged"
)
DELETE_KEY: Final = Template(
    "environment.delete_key",
    "delete the file: a new key is then created, and all users have to sign in again",
)


AUDIT_KEY_UNUSABLE: Final = Template(
    "environment.audit_key_unusable", "the key that signs the audit log cannot be used"
)
AUDIT_KEY_DAMAGED: Final = Template(
    "environment.audit_key_damaged", "the key that signs the audit log is damaged"
)
RESTORE_AUDIT_KEY: Final = Template(
    "environment.restore_audit_key",
    "restore the file from your backup; without one, move it away: a new key is then created, and "
    "`kanmon-portal audit verify` reports each chain that the old key has signed",
)


def secret_key(state: Path) -> str:
    """The key that signs sessions, made on first need and readable by its owner only.

    Two processes that start at once agree: the loser of the race reads the winner's key.

    Raises:
        SettingsError: The folder cannot be made, or the key cannot be read.
        ExposedError: The folder or the key is open to others, and not ours to close.
    """
    path = state / KEY
    with _unusable(path, KEY_UNUSABLE()):
        key = _key(path, secrets.token_urlsafe(48)).decode("ascii", "replace")
    if len(key) < 50 or not key.isascii():
        raise SettingsError(KEY_DAMAGED(), where=str(path), next_step=DELETE_KEY())
    return key


def audit_key(state: Path) -> bytes:
    """The 32 bytes of the key that signs the audit log's heads; made and raises as `secret_key`."""
    path = state / AUDIT_KEY
    with _unusable(path, AUDIT_KEY_UNUSABLE()):
        text = _key(path, secrets.token_hex(32))
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise SettingsError(AUDIT_KEY_DAMAGED(), where=str(path), next_step=RESTORE_AUDIT_KEY())
    return key


def _key(path: Path, new: str) -> bytes:
    """The content of a key's file, which is made with ``new`` where it is missing."""
    make_state(path.parent)
    close_files(path)
    with suppress(FileNotFoundError):
        return path.read_bytes().strip()
    draft = path.with_name(f".{path.stem}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600)
    draft.write_text(new, "ascii")
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()
    return path.read_bytes().strip()


@contextmanager
def _unusable(path: Path, what: Message) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SettingsError(
            what, where=str(path), why=system.reason(error), next_step=WRITABLE_FOLDER()
        ) from error


def make_state(state: Path) -> None:
    """Create the state folder for its owner only, or close one that others can look into.

    Raises:
        ExposedError: It is open to others, and not ours to close.
        OSError: It cannot be made.
    """
    close_folder(state, CONTENTS)
    close_files(state / KEY)
