"""The folder that holds the portal's database, and the key in it that signs sessions."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from config.private import close_files, close_folder
from console.templates import system
from console.text import Template
from portal.environment.database_url import DATABASE
from portal.environment.errors import SettingsError

PACKAGE: Final = Path(__file__).resolve().parents[1]
"""The folder of the program itself, where no data lives."""

KEY: Final = "secret.key"
CONTENTS: Final = frozenset({KEY, DATABASE, "authority"})
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


def secret_key(state: Path) -> str:
    """The key that signs sessions, made on first need and readable by its owner only.

    Two processes that start at once agree: the loser of the race reads the winner's key.

    Raises:
        SettingsError: The folder cannot be made, or the key cannot be read.
        ExposedError: The folder or the key is open to others, and not ours to close.
    """
    path = state / KEY
    try:
        make_state(state)
        try:
            return _existing_key(path)
        except FileNotFoundError:
            draft = state / f".secret.{secrets.token_hex(8)}"
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(48), "ascii")
            with suppress(FileExistsError):
                path.hardlink_to(draft)
            draft.unlink()
            return _existing_key(path)
    except OSError as error:
        raise SettingsError(
            KEY_UNUSABLE(),
            where=str(path),
            why=system.reason(error),
            next_step=WRITABLE_FOLDER(),
        ) from error


def make_state(state: Path) -> None:
    """Create the state folder for its owner only, or close one that others can look into.

    Raises:
        ExposedError: It is open to others, and not ours to close.
        OSError: It cannot be made.
    """
    close_folder(state, CONTENTS)
    close_files(state / KEY)


def _existing_key(path: Path) -> str:
    key = path.read_bytes().strip().decode("ascii", "replace")
    if len(key) < 50 or not key.isascii():
        raise SettingsError(KEY_DAMAGED(), where=str(path), next_step=DELETE_KEY())
    return key
