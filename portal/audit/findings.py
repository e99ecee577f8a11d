"""What a verification of the chains can find, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from console.text import Message, Template

CHANGED: Final = Template("audit_finding.changed", "entry {entry} was changed")
NOT_NEXT: Final = Template(
    "audit_finding.not_next",
    "entry {entry} does not follow entry {last}: one of the two was replaced, moved or added",
)
REMOVED: Final = Template(
    "audit_finding.removed",
    "entry {first} was removed",
    "entries {first} to {last} were removed ({n})",
)
TWICE: Final = Template("audit_finding.twice", "entry {entry} was added: that number is taken")
BEFORE_FIRST: Final = Template(
    "audit_finding.before_first", "entry {entry} was added: numbers begin with 1"
)
DETAIL_REMOVED: Final = Template(
    "audit_finding.detail_removed", "the stored {part} of entry {entry} was removed"
)
DETAIL_CHANGED: Final = Template(
    "audit_finding.detail_changed", "the stored {part} of entry {entry} was changed"
)
DETAIL_ADDED: Final = Template(
    "audit_finding.detail_added", "detail {detail} was added: no entry belongs to it"
)
ERASED_SILENTLY: Final = Template(
    "audit_finding.erased_silently",
    "the stored {part} of entry {entry} was erased, and no later entry says so",
)
HEAD_REMOVED: Final = Template("audit_finding.head_removed", "the head of the chain was removed")
HEAD_FORGED: Final = Template(
    "audit_finding.head_forged", "the head of the chain is not signed by this portal's key"
)
OTHER_KEY: Final = Template(
    "audit_finding.other_key", "the head of the chain was signed by another key, {key}"
)
AFTER_HEAD: Final = Template(
    "audit_finding.after_head", "entry {entry} was added: the head of the chain is entry {head}"
)
NOT_HEAD: Final = Template(
    "audit_finding.not_head", "entry {entry} was replaced: the head of the chain has another hash"
)
NOT_KEPT: Final = Template(
    "audit_finding.not_kept",
    "entry {entry} was replaced: the head that was kept outside the database has another hash",
)
KEPT_FORGED: Final = Template(
    "audit_finding.kept_forged",
    "the head that was kept outside the database, of entry {entry}, is not signed by this portal's "
    "key",
)
PART_ACTOR: Final = Template("audit_finding.part_actor", "name of the person acting")
PART_ACTING_FOR: Final = Template("audit_finding.part_acting_for", "name of the represented party")
PART_SUBJECT: Final = Template("audit_finding.part_subject", "name of the subject")
PART_CHANGE: Final = Template("audit_finding.part_change", "values before and after")

TRIGGERS: Final = Template(
    "audit_finding.triggers",
    "the database no longer refuses changes of the audit log: the trigger {name} is missing or "
    "switched off",
)
PARTS: Final = {
    "actor": PART_ACTOR,
    "acting_for": PART_ACTING_FOR,
    "subject": PART_SUBJECT,
    "change": PART_CHANGE,
}
"""The parts of an entry that lie beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong with a chain.

    Attributes:
        chain: As `portal.audit.models.Entry.chain`.
        sequence: The entry that it concerns; of removed ones the first; 0: no single entry.
    """

    chain: int
    sequence: int
    what: Message
