"""Writing the audit log: `record` for what a person does, `look` for what a person looks at.

An action records itself in its own transaction, as the last thing that it does there: until that
transaction ends, no other one can write the same organization's chain. So there is no act without
an entry, and no entry of what did not happen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from console.templates import audit
from portal.audit.acting import NOBODY, actor_of
from portal.audit.chain import PORTAL_CHAIN, canonical
from portal.audit.models import Entry
from portal.audit.writing import Act, append, lock_chain, now_ms, party_of, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    from console.text import Template
    from portal.audit.acting import Actor

CHANGE_LENGTH: Final = 40_000
"""The most characters of a change as canonical JSON."""
_HOUR_MS: Final = 3_600_000


def record(
    action: Template,
    *,
    actor: Actor,
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
    return append(
        Act(
            action=_known(action),
            actor=actor_of(actor),
            acting_for=party_of(*acting_for) if acting_for else NOBODY,
            subject=party_of(*subject, name=subject_name),
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
    actor, hour = actor_of(request.user), now_ms() // _HOUR_MS
    kind, thing = subject
    known = Entry.objects.filter(
        chain=chain,
        subject_kind=kind,
        subject_id=str(thing),
        actor_kind=actor.kind,
        actor_id=actor.id,
        hour=hour,
    )
    if known.exists():
        return None
    with transaction.atomic():
        lock_chain(chain)
        if known.exists():
            return None
        found = party_of(kind, thing)
        return append(Act(action=audit.LOOK.id, actor=actor, subject=found, chain=chain, hour=hour))


def _is_look(request: HttpRequest) -> bool:
    """Whether a person opens a page, as far as a request can tell."""
    headers = request.headers
    polled = "HX-Request" in headers and "HX-Boosted" not in headers
    ahead = "prefetch" in headers.get("Sec-Purpose", headers.get("Purpose", ""))
    return request.method == "GET" and request.user.is_authenticated and not polled and not ahead


def _known(action: Template) -> str:
    area, _dot, name = action.id.partition(".")
    if area != "audit" or getattr(audit, name.upper(), None) != action:
        raise ValueError(f"{action.id} is not a template of console.templates.audit")
    return action.id


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
        return shortened(value)
    if isinstance(value, list | tuple):
        return [_checked(one) for one in value]
    if hasattr(value, "items") and all(isinstance(name, str) for name in value):
        return {name: _checked(one) for name, one in value.items()}
    raise ValueError(f"a change holds no {type(value).__name__}: write a text or an integer")
