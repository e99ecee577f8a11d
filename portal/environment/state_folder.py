"""The folder that holds the portal's database, and the key in it that signs sessions."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from portal.environment.errors import SettingsError

PACKAGE: Final = Path(__file__).resolve().parents[1]
"""The folder of the program itself, where no data lives."""


def secret_key(state: Path) -> str:
    """The key that signs sessions, made on first need and readable by its owner only.

    Two processes that start at once agree: the loser of the race reads the winner's key.

    Raises:
        SettingsError: The folder cannot be made, or the key cannot be read.
    """
    path = state / "secret.key"
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
            f"the portal's key {path} cannot be used: {error.strerror or error}; set "
            "KANMON_PORTAL_STATE to a folder that this account may write, outside the program"
        ) from error


def make_state(state: Path) -> None:
    """Create the state folder for its owner only, where it is missing; raises `OSError`."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)


def _existing_key(path: Path) -> str:
    key = path.read_bytes().strip().decode("ascii", "replace")
    if len(key) < 50 or not key.isascii():
        raise SettingsError(
            f"the portal's key {path} is too short to be one, or damaged; delete the file to have "
            "a new one made (everybody then signs in anew)"
        )
    return key
