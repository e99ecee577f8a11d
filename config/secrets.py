"""What ``secret:NAME`` refers to: one file a secret, below ``STATE/secrets``, mode 0600."""

from __future__ import annotations

from pathlib import Path

from config.finding import ConfigError, Finding
from config.model import SECRET_REFERENCE

FOLDER = "secrets"


def secret(state: Path, reference: str) -> str:
    """The value a reference stands for, without a trailing newline.

    Raises:
        ConfigError: It is no reference, or there is no such secret; the value is never named.
    """
    if not SECRET_REFERENCE.fullmatch(reference):
        raise ConfigError((Finding(what="this is no secret reference; write secret:NAME"),))
    path = state / FOLDER / reference.removeprefix("secret:")
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        finding = Finding(
            what=f"{reference} cannot be read from {path}",
            why=why or str(error),
            next=f"run kanmon secret set {path.name}, or write it into {path}, readable by the "
            "gateway's user only",
        )
        raise ConfigError((finding,)) from error


def no_secrets(reference: str) -> str:
    """Where there is no state folder, there are no secrets; raises `ConfigError`."""
    raise ConfigError((Finding(what=f"{reference} cannot be read: no state folder is named"),))
