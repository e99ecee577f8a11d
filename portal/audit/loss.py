"""Going on after entries were lost, as when an older backup of the database was restored.

Until somebody accepts the loss, a verification names the entries that are missing. Accepting it
writes an entry that says what is missing, and keeps the new head in the place of the old one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from console.templates import audit
from portal.audit import anchors
from portal.audit.chain import PORTAL_CHAIN
from portal.audit.models import Entry, Head
from portal.audit.record import record
from portal.audit.writing import lock_chain, signed_head

if TYPE_CHECKING:
    from portal.audit.acting import Actor


def is_lost(chain: int) -> bool:
    """Whether the entry of the head that was kept outside the database is not in the database."""
    kept = anchors.kept(chain)
    if kept is None:
        return False
    entries = Entry.objects.filter(chain=chain, sequence=kept.sequence, hash=kept.hash)
    return not entries.exists()


def accept_loss(chain: int, *, actor: Actor) -> Entry | None:
    """Accept that entries up to the head that was kept are lost.

    Returns:
        The entry that says so; ``None`` where nothing is lost.

    Raises:
        OSError: The new head cannot be kept; the entry is written.
    """
    with transaction.atomic():
        lock_chain(chain)
        kept = anchors.kept(chain)
        if kept is None or not is_lost(chain):
            return None
        last = Head.objects.filter(chain=chain).values_list("sequence", flat=True).first() or 0
        entry = record(
            audit.LOSS_ACCEPT,
            actor=actor,
            organization=None if chain == PORTAL_CHAIN else chain,
            subject=("log", ""),
            before={"last_entry": kept.sequence, "hash": kept.hash},
            after={"last_entry": last},
        )
    anchors.replace(signed_head(Head.objects.get(chain=chain)))
    return entry
