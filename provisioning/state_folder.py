"""The gateway's state folder, which only its owner looks into."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from config import secrets
from config.private import close_folder
from provisioning import enrolment_store, identity

SPOOL: Final = "spool"
"""The name of the spool's folder in it."""
CONTENTS: Final = frozenset(
    {
        "config.yaml",  # of `config.store`, which would load what validates it
        "config.previous.yaml",
        secrets.FOLDER,
        identity.FILE,
        enrolment_store.folder(Path()).name,
        SPOOL,
        "profiles",
    }
)
"""What is found in a state folder."""


def close_state(state: Path) -> None:
    """Create the state folder for its owner only, or close one that others can look into.

    What is there and not a folder is left to the code that reads a file in it, and can name that.

    Raises:
        ExposedError: It is open to others, and not ours to close.
        OSError: It cannot be made.
    """
    if state.is_dir() or not state.exists():
        close_folder(state, CONTENTS)
