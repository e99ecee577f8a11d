"""What ``secret:NAME`` refers to: one file a secret, below ``STATE/secrets``, mode 0600."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from config.disk import Disk, replace_file
from config.finding import ConfigError, Finding
from config.model import SECRET_REFERENCE

FOLDER: Final = "secrets"
LIMIT: Final = 4096
"""Bytes of a secret."""


def keep(disk: Disk, state: Path, name: str, value: str) -> Path:
    """Let ``secret:NAME`` mean ``value`` from now on.

    Returns:
        The file that holds it.

    Raises:
        ConfigError: The name cannot be a secret's, or the value is empty or too long.
        OSError: It cannot be written; what was there before still is.
    """
    if not SECRET_REFERENCE.fullmatch(f"secret:{name}"):
        step = "use lower case letters, digits and hyphens, at most 63 of them"
        raise ConfigError((Finding(what=f"{name!r} can be no secret's name", next=step),))
    if not value or len(value.encode()) > LIMIT or not value.isprintable():
        what = f"the value is empty, longer than {LIMIT} bytes, or holds what cannot be printed"
        raise ConfigError((Finding(what=what, next="give it on one line"),))
    folder = state / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    replace_file(disk, folder / name, f"{value}\n".encode())
    return folder / name


def names(state: Path) -> list[str]:
    """Of the secrets that are kept; raises ``OSError`` where the folder may not be looked at."""
    folder = state / FOLDER
    if not folder.exists():
        return []
    kept = (path.name for path in folder.iterdir() if path.is_file())
    return sorted(name for name in kept if SECRET_REFERENCE.fullmatch(f"secret:{name}"))


def forget(state: Path, name: str) -> bool:
    """Let there be no ``secret:NAME``; whether there was one."""
    path = state / FOLDER / name
    if not SECRET_REFERENCE.fullmatch(f"secret:{name}") or not path.is_file():
        return False
    path.unlink()
    return True


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
