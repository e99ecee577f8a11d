"""The heads of the chains kept outside the database: a file for each chain in the state folder.

The database alone cannot show that the last entries of a chain were removed: with its head put
back, it looks as it did before they were written. So each head is also written to
``audit/CHAIN.json`` in the state folder once its transaction is committed, and logged
(``audit_head``) at most once an hour for each chain. A file never goes back to an earlier head. One
that cannot be written is logged: the act is on record, and the next head replaces it.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction

from portal.audit import signing
from portal.audit.chain import canonical, head_content
from portal.logs import event_log

if TYPE_CHECKING:
    from collections.abc import Iterator

log = event_log(__name__)
FOLDER: Final = "audit"
_LOGGED_EACH_S: Final = 3600.0
_logged: dict[int, float] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """The head of a chain as it is kept, logged and exported.

    Attributes:
        chain: As `portal.audit.models.Entry.chain`.
        sequence, hash: Of the last entry.
        signature: In base64, over `portal.audit.chain.head_content`.
        key: Which key has signed (`portal.audit.signing.key_id`).
    """

    chain: int
    sequence: int
    hash: str
    signature: str
    key: str

    def is_signed(self) -> bool:
        """Whether this portal's key has signed it."""
        content = head_content(chain=self.chain, sequence=self.sequence, digest=self.hash)
        return signing.verifies(self.signature, content)


def head_of(value: object) -> SignedHead | None:
    """A head from JSON; ``None`` where it is not one."""
    if not isinstance(value, dict):
        return None
    numbers, texts = ("chain", "sequence"), ("hash", "signature", "key")
    found = {name: value.get(name) for name in (*numbers, *texts)}
    if not all(type(found[name]) is int for name in numbers):
        return None
    if not all(isinstance(found[name], str) for name in texts):
        return None
    return SignedHead(**found)  # type: ignore[arg-type] # checked above


def keep_after_commit(head: SignedHead) -> None:
    """Keep a head once the present transaction is committed."""
    transaction.on_commit(lambda: keep(head))


def keep(head: SignedHead) -> None:
    """Write a head to its file, unless a later one is there, and log it."""
    try:
        with _locked():
            known = kept(head.chain)
            if known is None or known.sequence < head.sequence:
                replace(head)
    except OSError as error:
        log.warning("audit_head_not_kept", chain=head.chain, sequence=head.sequence, error=error)
    now = time.monotonic()
    if now - _logged.get(head.chain, -_LOGGED_EACH_S) >= _LOGGED_EACH_S:
        _logged[head.chain] = now
        log.info("audit_head", **asdict(head))


def kept(chain: int) -> SignedHead | None:
    """The head that was kept last of a chain; ``None`` without one that can be read."""
    try:
        return head_of(json.loads(_path(chain).read_text("ascii")))
    except (OSError, ValueError):
        return None


def kept_chains() -> list[int]:
    """The chains of which a head was kept."""
    folder = Path(settings.STATE) / FOLDER
    names = [path.stem for path in folder.glob("*.json")] if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isdecimal())


def replace(head: SignedHead) -> None:
    """Put a head in the place of whatever was kept; raises ``OSError``."""
    path = _path(head.chain)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(canonical(asdict(head)) + "\n")
    _give_to_owner(draft)
    draft.replace(path)


@contextmanager
def _locked() -> Iterator[None]:
    """Let one process at a time compare and replace; raises ``OSError``."""
    folder = Path(settings.STATE) / FOLDER
    if not folder.is_dir():
        folder.mkdir(mode=0o700, exist_ok=True)
        _give_to_owner(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _give_to_owner(path: Path) -> None:
    """Give what root has made to the owner of its folder, who will read it."""
    owner = path.parent.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def _path(chain: int) -> Path:
    return Path(settings.STATE) / FOLDER / f"{chain}.json"
