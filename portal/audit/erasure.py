"""Erasing what the audit log says of a person: their names, and changes of their own data.

Entries stay as they are, with their ids: chains stay whole, and a page says that a name was erased.
The erasure itself is on record, in each chain that it concerns, without a name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from console.templates import audit
from portal.audit.acting import actor_of
from portal.audit.models import Detail, Head
from portal.audit.writing import Act, append, lock_chain, now_ms, party_of

if TYPE_CHECKING:
    from portal.audit.acting import Actor

ERASABLE: Final = frozenset({"person", "account", "invitation", "join_request"})
"""The kinds of which something is a person's."""


@transaction.atomic
def erase_names(subject: tuple[str, Any], *, actor: Actor) -> int:
    """Erase the names of a person, and what changed of their data, from every chain.

    Args:
        subject: A kind of `ERASABLE`, and an id.
        actor: Who erases; as for `portal.audit.record.record`.

    Returns:
        How many texts were erased.

    Raises:
        ValueError: The kind is not one of `ERASABLE`.
    """
    kind, thing = subject
    if kind not in ERASABLE:
        raise ValueError(f"{kind!r} is not a kind of which something is a person's")
    whose = party_of(kind, thing, name="")
    by = actor_of(actor)
    if (by.kind, by.id) == (whose.kind, whose.id):
        by = replace(by, name="")
    erased = 0
    for chain in Head.objects.order_by("chain").values_list("chain", flat=True):
        theirs = Detail.objects.filter(
            chain=chain, role__in=("name", "change"), kind=kind, thing_id=whose.id
        )
        if not theirs.filter(erased_at_ms=None).exists():
            continue
        lock_chain(chain)
        at_ms = now_ms()
        erased += theirs.erase(at_ms)
        act = Act(action=audit.NAMES_ERASE.id, actor=by, subject=whose, chain=chain, at_ms=at_ms)
        append(act)
    return erased
