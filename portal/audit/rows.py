"""Entries in the words of a page, and of a CSV file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from portal.audit.kinds import PERSON
from portal.audit.vocabulary import VALUES
from portal.web.moments import SiteMoment, site_moment
from portal.web.words import heading

if TYPE_CHECKING:
    from portal.audit.reading import EntryView, Field, Named

EMPTY: Final = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A person or thing in a row.

    Attributes:
        text: Its name as it was; else what it is, with its id.
        key: As a filter takes it.
        erased: Whether its name was erased.
        kind: What it is, where that is not said by ``text``.
    """

    text: str
    key: str
    erased: bool
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A field that an action changed; ``""`` where there was, or is, no such field."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An entry as a page shows it.

    Attributes:
        erased: Whether what changed was erased.
    """

    number: int
    at: SiteMoment
    actor: Party
    acting_for: Party | None
    action: str
    subject: Party
    changes: list[Change]
    erased: bool

    @property
    def time(self) -> str:
        """When it was, to the second; empty outside of the years 1 to 9999."""
        return date_format(self.at.local, _("j M Y, H:i:s")) if self.at.local else ""


def row_of(view: EntryView, zone: str) -> Row:
    """An entry on the clock of ``zone``, in the language of the page."""
    return Row(
        number=view.entry.sequence,
        at=site_moment(view.entry.at_ms, zone),
        actor=party_of(view.actor),
        acting_for=party_of(view.acting_for) if view.acting_for else None,
        action=heading(view.action()) if view.action else view.entry.action,
        subject=party_of(view.subject),
        changes=[_change(one) for one in view.fields],
        erased=view.change_erased,
    )


def party_of(named: Named) -> Party:
    """A person or thing in the language of the page."""
    kind = heading(named.word()) if named.word else named.kind
    what = f"{kind} {named.id}".rstrip()
    if named.erased:
        what = _("Name erased (%(what)s)") % {"what": what}
    said = bool(named.name) and named.kind != PERSON
    return Party(
        text=named.name or what,
        key=named.key,
        erased=named.erased,
        kind=kind if said else "",
    )


def _change(changed: Field) -> Change:
    return Change(
        field=heading(changed.word()) if changed.word else changed.name,
        before="" if changed.before is None else _value(changed.name, changed.before),
        after="" if changed.after is None else _value(changed.name, changed.after),
    )


def _value(name: str, value: Any) -> str:
    if value == "":
        return EMPTY
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, str | int):
        known = VALUES.get((name, str(value)))
        return heading(known()) if known else str(value)
    if isinstance(value, list) and all(isinstance(one, str | int) for one in value):
        return _(", ").join(map(str, value)) or EMPTY
    return json.dumps(value, ensure_ascii=False)
