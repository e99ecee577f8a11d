"""The log as files: JSON lines, to be verified without the portal, and CSV for a spreadsheet.

Of the JSON lines, each is one entry with the fields that its hash covers (`portal.audit.chain`),
and with its details; the last one is the chain's signed head and the public key::

    {"chain": 7, "sequence": 1, ..., "hash": "...", "at": "2026-12-01T04:05:06.789+00:00",
     "details": {"actor": {"role": "name", "kind": "person", "id": "3", "salt": "...",
                           "text": "..."}}}
    {"head": {"chain": 7, "sequence": 1, "hash": "...", "signature": "...", "key": "...",
              "public_key": "..."}}
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from portal.audit.chain import HASHED, canonical
from portal.audit.models import Head
from portal.audit.reading import EntryView, each_view
from portal.audit.signing import public_key
from portal.audit.writing import signed_head
from portal.web.moments import datetime_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portal.audit.models import Detail, EntryQuerySet

_CHUNK = 500


def json_lines(entries: EntryQuerySet, chain: int) -> Iterator[str]:
    """Entries of a chain as JSON lines in ASCII, each with its line feed; at the end the head."""
    head = Head.objects.filter(chain=chain).first()
    until = head.sequence if head else 0  # what is written meanwhile belongs to another head
    for view in each_view(entries.filter(sequence__lte=until).iterator(chunk_size=_CHUNK)):
        yield f"{json.dumps(_object(view))}\n"
    if head is not None:
        signed = asdict(signed_head(head)) | {"public_key": public_key()}
        yield f"{canonical({'head': signed})}\n"


def _object(view: EntryView) -> dict[str, Any]:
    entry, at = view.entry, datetime_of(view.entry.at_ms)
    return {
        **{name: getattr(entry, name) for name in HASHED},
        "hash": entry.hash,
        "at": at.isoformat(timespec="milliseconds") if at else None,
        "details": {part: _detail(detail) for part, detail in view.details.items()},
    }


def _detail(detail: Detail) -> dict[str, Any]:
    of = {"role": detail.role, "kind": detail.kind, "id": detail.thing_id}
    if detail.erased_at_ms is not None:
        return {**of, "erased_at_ms": detail.erased_at_ms}
    return {**of, "salt": detail.salt, "text": detail.text}
