"""Entries with what lies beside them, as a page and an export show them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from console.catalogue import find
from portal.audit.kinds import KINDS
from portal.audit.models import Detail, Entry
from portal.audit.vocabulary import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from console.text import Template

PARTS: Final = ("actor", "acting_for", "subject", "change")
_CHUNK: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A person or thing of an entry.

    Attributes:
        kind, id: As in `portal.audit.models.Entry`.
        name: As it was then; ``""`` where it had none, or where it was erased.
        erased: Whether it was erased.
    """

    kind: str
    id: str
    name: str
    erased: bool

    @property
    def word(self) -> Template | None:
        """What its kind is called."""
        found = KINDS.get(self.kind)
        return found.word if found else None

    @property
    def key(self) -> str:
        """Kind and id in one text, as a filter takes it: ``device:12``."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field that an action changed; ``None`` where there was, or is, nothing."""

    name: str
    before: Any
    after: Any

    @property
    def word(self) -> Template | None:
        """What the field is called, where it has a word."""
        return FIELDS.get(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """An entry with what lies beside it.

    Attributes:
        details: The stored details by part (`PARTS`), erased ones too.
    """

    entry: Entry
    details: Mapping[str, Detail]

    @property
    def action(self) -> Template | None:
        """What was done; ``None`` for an id that this program does not know."""
        return find(self.entry.action)

    @property
    def actor(self) -> Named:
        """Who did it."""
        return self._named("actor")

    @property
    def acting_for(self) -> Named | None:
        """For whom, where that is somebody else."""
        return self._named("acting_for") if self.entry.acting_for_kind else None

    @property
    def subject(self) -> Named:
        """What it was done to."""
        return self._named("subject")

    @property
    def change_erased(self) -> bool:
        """Whether what changed was erased."""
        detail = self.details.get("change")
        return detail is not None and detail.erased_at_ms is not None

    @property
    def change(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """What was before and what is after."""
        detail = self.details.get("change")
        try:
            found = json.loads(detail.text) if detail and detail.text else {}
            return found.get("before"), found.get("after")
        except (ValueError, AttributeError):  # a text that was tampered with
            return None, None

    @property
    def fields(self) -> list[Field]:
        """The fields that differ before and after."""
        before, after = ((one if isinstance(one, dict) else {}) for one in self.change)
        return [
            Field(name=name, before=before.get(name), after=after.get(name))
            for name in dict.fromkeys([*before, *after])
            if before.get(name) != after.get(name)
        ]

    def _named(self, part: str) -> Named:
        detail = self.details.get(part)
        return Named(
            kind=getattr(self.entry, f"{part}_kind"),
            id=getattr(self.entry, f"{part}_id"),
            name=detail.text if detail else "",
            erased=detail is not None and detail.erased_at_ms is not None,
        )


def views_of(entries: Sequence[Entry]) -> list[EntryView]:
    """Entries of one chain with what lies beside them, by one query."""
    if not entries:
        return []
    wanted = {_commitment(entry, part) for entry in entries for part in PARTS} - {""}
    stored = {
        one.commitment: one
        for one in Detail.objects.filter(chain=entries[0].chain, commitment__in=wanted)
    }
    return [
        EntryView(
            entry=entry,
            details={
                part: stored[digest]
                for part in PARTS
                if (digest := _commitment(entry, part)) in stored
            },
        )
        for entry in entries
    ]


def each_view(entries: Iterable[Entry]) -> Iterator[EntryView]:
    """The same for any number of entries of one chain, part by part."""
    part: list[Entry] = []
    for entry in entries:
        part.append(entry)
        if len(part) == _CHUNK:
            yield from views_of(part)
            part = []
    yield from views_of(part)


def _commitment(entry: Entry, part: str) -> str:
    return str(getattr(entry, f"{part}_detail"))
