"""Verifying the chains: every entry that was changed, removed, moved or added is found and named.

One pass over a chain in its order, with a bounded part of it in memory, then its end and its head
under the chain's lock. Each entry's hash is computed again from its fields, each commitment from
its detail; each entry holds the hash of the one before it; the head is the last entry's, signed;
and every head that was kept elsewhere is that of an entry which is still there.

What cannot be found is said in docs/adr/0036.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from console.templates import audit
from portal.audit import anchors, findings
from portal.audit.anchors import SignedHead
from portal.audit.chain import FIRST, HASHED, NAME, commitment, entry_hash
from portal.audit.findings import Finding
from portal.audit.models import Detail, Entry, Head
from portal.audit.signing import key_id
from portal.audit.writing import lock_chain, signed_head

if TYPE_CHECKING:
    from console.text import Argument, Message
    from portal.audit.models import EntryQuerySet

_CHUNK: Final = 500


@dataclass(kw_only=True)
class Verification:
    """The verification of one chain.

    Attributes:
        entries: How many entries it has.
        head: Its head, which a reader may keep; ``None`` without one.
    """

    chain: int
    entries: int = 0
    head: SignedHead | None = None
    findings: list[Finding] = field(default_factory=list)


def chains(heads: Iterable[SignedHead] = ()) -> list[int]:
    """Every chain of which there is a trace, in the database or outside of it."""
    found = set(Head.objects.values_list("chain", flat=True))
    found |= set(Entry.objects.order_by().values_list("chain", flat=True).distinct())
    found |= set(Detail.objects.order_by().values_list("chain", flat=True).distinct())
    return sorted(found | set(anchors.kept_chains()) | {one.chain for one in heads})


def verify(chain: int, heads: Iterable[SignedHead] = ()) -> Verification:
    """Verify a chain.

    Args:
        chain: As `portal.audit.models.Entry.chain`.
        heads: Heads that were kept elsewhere, of any chain, beside those in the state folder.
    """
    known = [one for one in heads if one.chain == chain]
    own = anchors.kept(chain)
    walk = _Walk(chain, [*known, *([own] if own else [])])
    entries = Entry.objects.filter(chain=chain).order_by("sequence", "id")
    walk.follow(entries)
    with transaction.atomic():
        lock_chain(chain)  # what is written meanwhile is neither missing nor added
        walk.follow(entries.filter(sequence__gt=walk.last))
        walk.end(Head.objects.filter(chain=chain).first())
        walk.end_details()
    return walk.result


_Erasure = tuple[str, str, int]
"""Whose details were erased, by kind and id, and when."""


class _Walk:
    """One pass over a chain, in its order."""

    def __init__(self, chain: int, heads: Sequence[SignedHead]) -> None:
        self.result = Verification(chain=chain)
        self.last = 0
        self._hash = FIRST
        self._heads = list(heads)
        self._missing = {one.sequence: one for one in heads}
        self._names: set[str] = set()
        self._changes = 0
        self._erased: dict[_Erasure, tuple[int, str]] = {}
        self._erasures: dict[_Erasure, int] = {}

    def follow(self, entries: EntryQuerySet) -> None:
        """Go on with these entries."""
        part: list[Entry] = []
        for entry in entries.iterator(chunk_size=_CHUNK):
            self._entry(entry)
            part.append(entry)
            if len(part) == _CHUNK:
                self._details(part)
                part = []
        self._details(part)

    def _find(self, sequence: int, what: Message) -> None:
        self.result.findings.append(Finding(chain=self.result.chain, sequence=sequence, what=what))

    def _entry(self, entry: Entry) -> None:
        sequence = entry.sequence
        self.result.entries += 1
        if sequence < 1:
            self._find(sequence, findings.BEFORE_FIRST(entry=sequence))
            return
        if sequence == self.last:
            self._find(sequence, findings.TWICE(entry=sequence))
            return
        if sequence > self.last + 1:
            self._removed(self.last + 1, sequence - 1)
        elif entry.previous != self._hash:
            self._find(sequence, findings.NOT_NEXT(entry=sequence, last=self.last))
        if entry_hash({name: getattr(entry, name) for name in HASHED}) != entry.hash:
            self._find(sequence, findings.CHANGED(entry=sequence))
        for head in self._heads:
            if head.sequence == sequence and head.hash != entry.hash:
                self._find(sequence, findings.NOT_KEPT(entry=sequence))
        self._missing.pop(sequence, None)
        if entry.action == audit.NAMES_ERASE.id:
            self._erasures[entry.subject_kind, entry.subject_id, entry.at_ms] = sequence
        self.last, self._hash = sequence, entry.hash

    def _removed(self, first: int, last: int) -> None:
        for sequence in list(self._missing):
            if first <= sequence <= last:
                del self._missing[sequence]
        self._find(first, findings.REMOVED(first=first, last=last, n=last - first + 1))

    def _details(self, entries: Sequence[Entry]) -> None:
        """Check the details of a part of the chain."""
        wanted = {
            digest
            for entry in entries
            for part in findings.PARTS
            if (digest := getattr(entry, f"{part}_detail"))
        }
        stored = {
            one.commitment: one
            for one in Detail.objects.filter(
                chain=self.result.chain, commitment__in=wanted
            ).iterator(chunk_size=_CHUNK)
        }
        for entry in entries:
            for part in findings.PARTS:
                digest = getattr(entry, f"{part}_detail")
                if digest:
                    self._detail(entry, part, digest, stored.get(digest))

    def _detail(self, entry: Entry, part: str, digest: str, stored: Detail | None) -> None:
        about = "subject" if part == "change" else part
        kind, thing = getattr(entry, f"{about}_kind"), getattr(entry, f"{about}_id")
        role = "change" if part == "change" else NAME
        if role == NAME:
            self._names.add(digest)
        else:
            self._changes += 1
        say: dict[str, Argument] = {"part": findings.PARTS[part](), "entry": entry.sequence}
        if stored is None:
            self._find(entry.sequence, findings.DETAIL_REMOVED(**say))
        elif (stored.role, stored.kind, stored.thing_id) != (role, kind, thing):
            self._find(entry.sequence, findings.DETAIL_CHANGED(**say))
        elif stored.erased_at_ms is not None:
            self._erased[kind, thing, stored.erased_at_ms] = (entry.sequence, part)
            if stored.salt or stored.text:
                self._find(entry.sequence, findings.DETAIL_CHANGED(**say))
        elif digest != commitment(
            role=role, kind=kind, thing_id=thing, salt=stored.salt, text=stored.text
        ):
            self._find(entry.sequence, findings.DETAIL_CHANGED(**say))

    def end(self, head: Head | None) -> None:
        """Compare the end of the chain with its head, and with heads that were kept elsewhere."""
        self._end_at_head(head)
        for head_kept in self._heads:
            if not head_kept.is_signed() and head_kept.key == key_id():
                self._find(head_kept.sequence, findings.KEPT_FORGED(entry=head_kept.sequence))
        furthest = max([*self._missing, head.sequence if head else 0])
        if furthest > self.last:
            self._removed(self.last + 1, furthest)

    def _end_at_head(self, head: Head | None) -> None:
        if head is None:
            if self.last:
                self._find(0, findings.HEAD_REMOVED())
            return
        signed = self.result.head = signed_head(head)
        if head.key != key_id():
            self._find(0, findings.OTHER_KEY(key=head.key))
        elif not signed.is_signed():
            self._find(0, findings.HEAD_FORGED())
        if head.sequence < self.last:
            self._find(
                head.sequence + 1, findings.AFTER_HEAD(entry=head.sequence + 1, head=head.sequence)
            )
        elif head.sequence == self.last and head.hash != self._hash:
            self._find(self.last, findings.NOT_HEAD(entry=self.last))

    def end_details(self) -> None:
        """Compare the details with those that entries hold, and what is erased with erasures."""
        for of, (sequence, part) in self._erased.items():
            if self._erasures.get(of, 0) < sequence:
                self._find(
                    sequence, findings.ERASED_SILENTLY(part=findings.PARTS[part](), entry=sequence)
                )
        stored = Detail.objects.filter(chain=self.result.chain)
        if stored.count() > len(self._names) + self._changes:
            for detail in stored.iterator(chunk_size=_CHUNK):
                if not _belongs(detail):
                    self._find(0, findings.DETAIL_ADDED(detail=detail.pk))


def _belongs(detail: Detail) -> bool:
    """Whether an entry holds the commitment to this detail; asked only where one is too many."""
    entries = Entry.objects.filter(chain=detail.chain)
    of_thing = entries.filter(subject_kind=detail.kind, subject_id=detail.thing_id)
    of_actor = entries.filter(actor_kind=detail.kind, actor_id=detail.thing_id)
    return (
        of_thing.filter(subject_detail=detail.commitment).exists()
        or of_thing.filter(change_detail=detail.commitment).exists()
        or of_actor.filter(actor_detail=detail.commitment).exists()
        or entries.filter(acting_for_detail=detail.commitment).exists()
    )


def missing_triggers() -> list[str]:
    """The names of triggers that no longer keep the log append-only."""
    if connection.vendor == "postgresql":
        query = "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'audit_%%' AND tgenabled = 'O'"
        third = "truncate"
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit_%%'"
        third = "replace"
    with connection.cursor() as cursor:
        cursor.execute(query, [])
        found = {name for (name,) in cursor.fetchall()}
    tables = [model._meta.db_table for model in (Entry, Detail, Head)]
    wanted = {f"{table}_no_{what}" for table in tables for what in ("update", "delete", third)}
    return sorted(wanted - found)
