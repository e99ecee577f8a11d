"""Adding an entry to a chain: one writer of a chain at a time, in the caller's transaction."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.db import connection, transaction

from portal.audit.acting import NOBODY, Party
from portal.audit.anchors import SignedHead, keep_after_commit
from portal.audit.chain import (
    CHANGE,
    FIRST,
    HASHED,
    NAME,
    commitment,
    entry_hash,
    head_content,
    new_salt,
)
from portal.audit.kinds import KINDS, current_name
from portal.audit.models import Detail, Entry, Head
from portal.audit.signing import key_id, sign

TEXT_LENGTH: Final = 1_000
"""The most characters of a name and of a text in a change; a longer one is cut."""
CUT: Final = "…"
_ID_LENGTH: Final = 64
_LOCKS: Final = 0x6B616E6D
"""The first of the two numbers of our advisory locks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What an entry says, before it has its place in a chain.

    Attributes:
        action: The id of its template.
        chain: As `portal.audit.models.Entry.chain`.
        change: The canonical form of what was before and after; ``""`` for none.
        hour: As `portal.audit.models.Entry.hour`.
        at_ms: As `portal.audit.models.Entry.at_ms`; ``None``: now.
    """

    action: str
    actor: Party
    subject: Party
    chain: int
    acting_for: Party = NOBODY
    change: str = ""
    hour: int | None = None
    at_ms: int | None = None


def append(act: Act) -> Entry:
    """Add an entry at the end of its chain, and sign the new head."""
    with transaction.atomic():
        lock_chain(act.chain)
        head = Head.objects.filter(chain=act.chain).first()
        fields: dict[str, Any] = {
            "chain": act.chain,
            "sequence": head.sequence + 1 if head else 1,
            "previous": head.hash if head else FIRST,
            "at_ms": now_ms() if act.at_ms is None else act.at_ms,
            "hour": act.hour,
            "action": act.action,
            "change_detail": _keep(act.chain, act.subject, CHANGE, act.change),
        }
        for name in ("actor", "acting_for", "subject"):
            party: Party = getattr(act, name)
            fields[f"{name}_kind"], fields[f"{name}_id"] = party.kind, party.id
            fields[f"{name}_detail"] = _keep(act.chain, party, NAME, party.name)
        entry = Entry.objects.create(hash=entry_hash(fields), **fields)
        _set_head(entry, first=head is None)
        return entry


def _set_head(entry: Entry, *, first: bool) -> None:
    content = head_content(chain=entry.chain, sequence=entry.sequence, digest=entry.hash)
    signed = SignedHead(
        chain=entry.chain,
        sequence=entry.sequence,
        hash=entry.hash,
        signature=sign(content),
        key=key_id(),
    )
    Head(**asdict(signed)).save(force_insert=first, force_update=not first)
    keep_after_commit(signed)


def signed_head(head: Head) -> SignedHead:
    """A stored head as it is kept and exported."""
    return SignedHead(
        chain=head.chain,
        sequence=head.sequence,
        hash=head.hash,
        signature=head.signature,
        key=head.key,
    )


def _keep(chain: int, party: Party, role: str, text: str) -> str:
    """The commitment to a detail, which is stored; a name that has not changed is there already."""
    if not text:
        return ""
    of = {"chain": chain, "role": role, "kind": party.kind, "thing_id": party.id}
    if role == NAME:
        last = Detail.objects.filter(**of).order_by("-id").first()
        if last and last.erased_at_ms is None and last.text == text:
            return str(last.commitment)
    salt = new_salt()
    made = commitment(role=role, kind=party.kind, thing_id=party.id, salt=salt, text=text)
    Detail.objects.create(**of, salt=salt, text=text, commitment=made)
    return made


def party_of(kind: str, thing: Any, *, name: str | None = None) -> Party:
    """A thing by its kind and id; its name is looked up where it is not given.

    Raises:
        ValueError: The kind is not known, or the id is not one.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is not a kind of portal.audit.kinds")
    thing_id = str(thing)
    if len(thing_id) > _ID_LENGTH or not thing_id.isascii() or not thing_id.isprintable():
        raise ValueError(f"an id has at most {_ID_LENGTH} printable ASCII characters")
    found = current_name(kind, thing_id) if name is None else name
    return Party(kind=kind, id=thing_id, name=storable(found))


def storable(text: str) -> str:
    """A text as both databases can store it, cut to `TEXT_LENGTH` characters."""
    return shortened(text.encode("utf-8", "replace").decode("utf-8").replace("\0", "�"))


def shortened(text: str) -> str:
    """A text cut to `TEXT_LENGTH` characters."""
    return text if len(text) <= TEXT_LENGTH else text[: TEXT_LENGTH - 1] + CUT


def now_ms() -> int:
    """The present moment, Unix milliseconds."""
    return time.time_ns() // 1_000_000


def lock_chain(chain: int) -> None:
    """Keep other transactions from adding to a chain until this one ends.

    SQLite has one writer at a time anyway (its transactions begin with ``IMMEDIATE``). Chains that
    share a number, each 2^32nd, wait for each other for no need.
    """
    if connection.vendor != "postgresql":
        return
    number = chain & 0xFFFFFFFF
    signed = number - (1 << 32) if number >= 1 << 31 else number
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCKS, signed])


assert set(HASHED) < {field.attname for field in Entry._meta.concrete_fields}
