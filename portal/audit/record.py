"""Writing the audit log: `record` for what a person does, `look` for what a person looks at.

An action records itself in its own transaction, as the last thing that it does there: until that
transaction ends, no other one can write the same organization's chain. So there is no act without
an entry, and no entry of what did not happen.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import connection, transaction

from console.templates import audit
from portal.audit.acting import NOBODY, Party, actor_of
from portal.audit.chain import (
    CHANGE,
    FIRST,
    HASHED,
    NAME,
    PORTAL_CHAIN,
    canonical,
    commitment,
    entry_hash,
    head_content,
    new_salt,
)
from portal.audit.kinds import KINDS, current_name
from portal.audit.models import Detail, Entry, Head
from portal.audit.signing import key_id, sign

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest

    from console.text import Template

    User = AbstractBaseUser | AnonymousUser

TEXT_LENGTH: Final = 1_000
"""The most characters of a name and of a text in ``before`` and ``after``; a longer one is cut."""
CHANGE_LENGTH: Final = 40_000
"""The most characters of a change as canonical JSON."""
CUT: Final = "…"
_HOUR_MS: Final = 3_600_000
_LOCKS: Final = 0x6B616E6D  # the first of the two numbers of our advisory locks


def record(
    action: Template,
    *,
    actor: User | None,
    organization: int | None,
    subject: tuple[str, Any],
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    acting_for: tuple[str, Any] | None = None,
    subject_name: str | None = None,
) -> Entry:
    """Add an entry to an organization's chain, in the caller's transaction.

    Args:
        action: A template of `console.templates.audit`.
        actor: The user who did it; ``None``: the account at the command line, else the portal.
        organization: The id of the organization that it concerns; ``None``: the portal itself.
        subject: What it was done to: a kind of `portal.audit.kinds.KINDS` and an id.
        before: What there was, by field: JSON values without fractions. Names and addresses of
            people stand only in entries whose subject is that person: else they are not erased.
        after: What there is now.
        acting_for: For whom, where that is somebody else, as ``subject``: a dealer's member acts
            for ``("organization", id)``.
        subject_name: The subject's name where it is no longer stored; else it is looked up.

    Raises:
        ValueError: A kind or an action is not known, or a value is not as it should be.
    """
    return _append(
        _Act(
            action=_known(action),
            actor=actor_of(actor),
            acting_for=_party(*acting_for) if acting_for else NOBODY,
            subject=_party(*subject, name=subject_name),
            chain=PORTAL_CHAIN if organization is None else organization,
            change=_change(before, after),
        )
    )


def look(
    request: HttpRequest, *, organization: int | None, subject: tuple[str, Any]
) -> Entry | None:
    """Record that the user of a request looks at a page about a thing, once an hour.

    Polls (requests of a script), ``HEAD`` and what a browser fetches ahead write nothing.

    Args:
        request: Of a page that shows the thing.
        organization: As for `record`.
        subject: As for `record`.

    Returns:
        The new entry; ``None`` where there is none.
    """
    if not _is_look(request):
        return None
    chain = PORTAL_CHAIN if organization is None else organization
    actor, now_ms = actor_of(request.user), _now_ms()
    kind, thing = subject
    known = Entry.objects.filter(
        chain=chain,
        subject_kind=kind,
        subject_id=str(thing),
        actor_kind=actor.kind,
        actor_id=actor.id,
        hour=now_ms // _HOUR_MS,
    )
    if known.exists():
        return None
    with transaction.atomic():
        _lock(chain)
        if known.exists():
            return None
        act = _Act(action=audit.LOOK.id, actor=actor, subject=_party(kind, thing), chain=chain)
        return _append(act, hour=now_ms // _HOUR_MS, now_ms=now_ms)


def _is_look(request: HttpRequest) -> bool:
    """Whether a person opens a page, as far as a request can tell."""
    headers = request.headers
    polled = "HX-Request" in headers and "HX-Boosted" not in headers
    ahead = "prefetch" in headers.get("Sec-Purpose", headers.get("Purpose", ""))
    return request.method == "GET" and request.user.is_authenticated and not polled and not ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class _Act:
    """What an entry says, before it has its place in a chain."""

    action: str
    actor: Party
    subject: Party
    chain: int
    acting_for: Party = NOBODY
    change: str = ""


def _append(act: _Act, *, hour: int | None = None, now_ms: int | None = None) -> Entry:
    with transaction.atomic():
        _lock(act.chain)
        head = Head.objects.filter(chain=act.chain).first()
        fields: dict[str, Any] = {
            "chain": act.chain,
            "sequence": head.sequence + 1 if head else 1,
            "previous": head.hash if head else FIRST,
            "at_ms": _now_ms() if now_ms is None else now_ms,
            "hour": hour,
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
    head = Head(
        chain=entry.chain,
        sequence=entry.sequence,
        hash=entry.hash,
        signature=sign(content),
        key=key_id(),
    )
    head.save(force_insert=first, force_update=not first)


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


def _known(action: Template) -> str:
    area, _dot, name = action.id.partition(".")
    if area != "audit" or getattr(audit, name.upper(), None) != action:
        raise ValueError(f"{action.id} is not a template of console.templates.audit")
    return action.id


def _party(kind: str, thing: Any, *, name: str | None = None) -> Party:
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is not a kind of portal.audit.kinds")
    thing_id = str(thing)
    if len(thing_id) > 64 or not thing_id.isascii() or not thing_id.isprintable():
        raise ValueError("an id has at most 64 printable ASCII characters")
    found = current_name(kind, thing_id) if name is None else name
    return Party(kind=kind, id=thing_id, name=storable(found))


def _change(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    if before is None and after is None:
        return ""
    text = canonical({"after": _checked(after), "before": _checked(before)})
    if len(text) > CHANGE_LENGTH:
        raise ValueError(f"a change has {len(text)} characters, at most are {CHANGE_LENGTH}")
    return text


def _checked(value: Any) -> Any:
    """A value that has one canonical form; a long text is cut."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, list | tuple):
        return [_checked(one) for one in value]
    if hasattr(value, "items") and all(isinstance(name, str) for name in value):
        return {name: _checked(one) for name, one in value.items()}
    raise ValueError(f"a change holds no {type(value).__name__}: write a text or an integer")


def storable(name: str) -> str:
    """A name as both databases can store it, cut to `TEXT_LENGTH` characters."""
    encodable = name.encode("utf-8", "replace").decode("utf-8")
    return _short(encodable.replace("\0", "�"))


def _short(text: str) -> str:
    return text if len(text) <= TEXT_LENGTH else text[: TEXT_LENGTH - 1] + CUT


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _lock(chain: int) -> None:
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
