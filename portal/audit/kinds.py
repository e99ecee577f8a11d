"""What an action is done by, for and to: each kind by its word, and where its name is found.

The models are named and never imported: their apps are above this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.apps import apps
from django.conf import settings

from console.templates import audit
from console.text import Template

PERSON: Final = "person"
ACCOUNT: Final = "account"
PORTAL: Final = "portal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of thing.

    Attributes:
        word: What it is called.
        model: The model whose primary key is its id, as ``app.Model``; ``""`` for none.
    """

    word: Template
    model: str = ""


KINDS: Final = {
    PERSON: Kind(word=audit.KIND_PERSON, model=settings.AUTH_USER_MODEL),
    ACCOUNT: Kind(word=audit.KIND_ACCOUNT),
    PORTAL: Kind(word=audit.KIND_PORTAL),
    "log": Kind(word=audit.KIND_LOG),
    "organization": Kind(word=audit.KIND_ORGANIZATION, model="accounts.Organization"),
    "invitation": Kind(word=audit.KIND_INVITATION, model="accounts.Invitation"),
    "join_request": Kind(word=audit.KIND_JOIN_REQUEST, model="accounts.JoinRequest"),
    "site": Kind(word=audit.KIND_SITE, model="fleet.Site"),
    "gateway": Kind(word=audit.KIND_GATEWAY, model="fleet.Gateway"),
    "box": Kind(word=audit.KIND_BOX, model="fleet.Box"),
    "device": Kind(word=audit.KIND_DEVICE, model="fleet.Device"),
    "location": Kind(word=audit.KIND_LOCATION, model="fleet.InstallationLocation"),
    "group": Kind(word=audit.KIND_GROUP, model="fleet.DeviceGroup"),
    "key": Kind(word=audit.KIND_KEY, model="authority.AgentKey"),
}
"""Every kind; `portal.audit.record` refuses another."""


def current_name(kind: str, thing_id: str) -> str:
    """What a thing is called now; ``""`` where it has no row or no name."""
    label = KINDS[kind].model
    if not label or not thing_id:
        return ""
    try:
        found = apps.get_model(label)._default_manager.filter(pk=thing_id).first()
    except (LookupError, ValueError):
        return ""
    if found is None:
        return ""
    return person_name(found) if kind == PERSON else str(found)


def person_name(user: object) -> str:
    """A user's name and email, or the email alone where there is no name."""
    name, email = str(user), str(getattr(user, "email", ""))
    return f"{name} ({email})" if email and email != name else name
