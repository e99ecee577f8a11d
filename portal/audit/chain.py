r"""How entries are chained, and how what they say of people can be erased. Pure.

Each organization has a chain of its own, named by its id; what concerns no organization is in
`PORTAL_CHAIN`. Entries of a chain are numbered from 1 without gaps, and each holds the hash of the
one before it (`FIRST` for the first one)::

    hash = SHA-256 of the canonical form of [FORMAT, chain, sequence, previous, at_ms, hour, action,
           actor_kind, actor_id, acting_for_kind, acting_for_id, subject_kind, subject_id,
           actor_detail, acting_for_detail, subject_detail, change_detail]

The canonical form of a value is its JSON in ASCII (every other character as ``\uXXXX``), without
spaces, an object's names sorted by code point; there are texts, integers, true, false and null, and
no fractions. Numbers are integers, an ``hour`` that does not apply is null, every other absent
field is "". A hash is written as 64 hexadecimal digits in lower case.

An entry holds ids. What can be erased (names as they were, and what changed) lies beside it as a
*detail*, and the entry holds its commitment only::

    commitment = SHA-256 of the canonical form of [role, kind, id, salt, text]

``role`` is ``name`` or ``change``, ``kind`` and ``id`` say whose detail it is, and ``salt`` is 128
random bits: once salt and text are erased, nobody can find the text by trying. The text of a change
is the canonical form of ``{"after": ..., "before": ...}``.

The head of a chain, its last sequence number and hash, is signed with Ed25519 over the canonical
form of ``["kanmon.audit.head", FORMAT, chain, sequence, hash]``.
"""

from __future__ import annotations

import json
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT: Final = 1
PORTAL_CHAIN: Final = 0
"""The chain of what concerns no organization; an organization's id is at least 1."""
FIRST: Final = "0" * 64
"""What the first entry of a chain has for the hash of its predecessor."""
NAME: Final = "name"
CHANGE: Final = "change"
HASHED: Final = (
    "chain",
    "sequence",
    "previous",
    "at_ms",
    "hour",
    "action",
    "actor_kind",
    "actor_id",
    "acting_for_kind",
    "acting_for_id",
    "subject_kind",
    "subject_id",
    "actor_detail",
    "acting_for_detail",
    "subject_detail",
    "change_detail",
)
"""The fields of an entry in the order in which they are hashed."""
_HEAD: Final = "kanmon.audit.head"


def canonical(value: Any) -> str:
    """The canonical form of a value, as the module's docstring states it."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True)


def entry_hash(fields: Mapping[str, Any]) -> str:
    """The hash of an entry, from its fields by name (`HASHED`)."""
    return _digest([FORMAT, *(fields[name] for name in HASHED)])


def commitment(*, role: str, kind: str, thing_id: str, salt: str, text: str) -> str:
    """The commitment to a detail."""
    return _digest([role, kind, thing_id, salt, text])


def new_salt() -> str:
    """A salt: 128 random bits in hexadecimal."""
    return secrets.token_hex(16)


def head_content(*, chain: int, sequence: int, digest: str) -> bytes:
    """What the signature of a chain's head covers."""
    return canonical([_HEAD, FORMAT, chain, sequence, digest]).encode("ascii")


def _digest(value: Any) -> str:
    return sha256(canonical(value).encode("ascii")).hexdigest()
