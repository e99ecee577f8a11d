"""Agent keys: issued, listed and revoked. `provisioning.agent_key` defines their form."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from console.templates import audit
from console.text import Template
from portal.audit.acting import Actor
from portal.audit.record import record
from portal.authority import roots
from portal.authority.errors import AuthorityError
from portal.authority.models import AgentKey, Root
from portal.fleet.names import check_length
from portal.fleet.provisioning import ensure_site
from provisioning import agent_key

if TYPE_CHECKING:
    from datetime import datetime

    from portal.accounts.models import User

INVALID_USES: Final = Template("authority.invalid_uses", "a key cannot be for {uses} boxes")
CHOOSE_USES: Final = Template("authority.choose_uses", "choose a number from 1 to {limit}")
INVALID_LIFE: Final = Template("authority.invalid_life", "the validity of the key is out of range")
CHOOSE_LIFE: Final = Template("authority.choose_life", "choose from 1 to {days} days")
SEVERAL_BOXES: Final = Template(
    "authority.several_boxes", "a key for several boxes cannot name one gateway"
)
OMIT_GATEWAY: Final = Template(
    "authority.omit_gateway",
    "omit the gateway's name: each gateway is then named after its box",
)
INVALID_KEY: Final = Template("authority.invalid_key", "the key cannot be issued")
INVALID_FIELD: Final = Template(
    "authority.invalid_field", "the value of its field '{field}' is not valid"
)
CORRECT_FIELD: Final = Template("authority.correct_field", "correct the value, then try again")
UNKNOWN_KEY: Final = Template(
    "authority.unknown_key", "the portal has no agent key with the id '{id}'"
)
LIST_KEYS: Final = Template("authority.list_keys", "list the ids with `kanmon-portal key list`")

LIFE: Final = timedelta(days=7)
_MOST_USES: Final = 1000
_LONGEST: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """What a key is to be issued for.

    Attributes:
        organization: The customer; made if it is new.
        site: Where its boxes will stand; made, with ``time_zone``, if it is new.
        gateway: What the gateway is called; only for a key for one box. Empty: as the box's id.
        uses: For how many boxes.
        life: How long from now.
    """

    organization: str
    site: str
    time_zone: str = "UTC"
    gateway: str = ""
    uses: int = 1
    life: timedelta = LIFE


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who issues a key.

    Attributes:
        name: The author's name and address, which stays on record when the user is gone.
        user: The user on a page; ``None`` for the command line.
    """

    name: str
    user: User | None = None

    @classmethod
    def of(cls, user: User) -> Author:
        """The author that a signed-in user is."""
        return cls(name=f"{user.name} ({user.email})" if user.name else user.email, user=user)

    @classmethod
    def from_command_line(cls) -> Author:
        """The account that runs this process; the environment may name another one.

        The words stay on record and are shown in every language: they name the program.
        """
        number = os.getuid()
        try:
            name = pwd.getpwuid(number).pw_name
        except KeyError:
            name = f"uid {number}"
        return cls(name=f"{name} (kanmon-portal)")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """A new agent key, at the one moment when its secret is known.

    Attributes:
        text: The whole key. Nothing else holds its secret: it is shown now and never again.
        zone: The time zone of its site, in which pages show when it expires.
    """

    text: str
    key_id: str
    site: str
    zone: str
    uses: int
    expires_at: datetime


@transaction.atomic
def issue_key(request: KeyRequest, by: Author) -> IssuedKey:
    """Issue an agent key; ``by`` stays on record as its author.

    Raises:
        AuthorityError: The authority is not set up, or the request is not possible.
        FleetError: The organization, the site or the gateway's name is not possible.
    """
    _check_request(request)
    issuer = roots.load(Root.BOXES)
    site = ensure_site(request.organization, request.site, request.time_zone, actor=by.user)
    key = agent_key.AgentKey(
        id=agent_key.new_id(),
        secret=agent_key.new_secret(),
        pin=agent_key.pin_of(issuer.spki),
        address=settings.CLAIM_URL,
    )
    row = AgentKey(
        key_id=key.id,
        secret_digest=key.secret_digest,
        site=site,
        gateway_name=request.gateway.strip(),
        uses=request.uses,
        issued_by=by.user,
        issued_by_name=by.name,
        expires_at=timezone.now() + request.life,
    )
    _check_fields(row)
    row.save()
    record(
        audit.KEY_ISSUE,
        actor=by.user,
        organization=site.organization_id,
        subject=("key", row.pk),
        after={
            "site": str(site),
            "gateway": row.gateway_name,
            "uses": row.uses,
            "expires_at": row.expires_at.isoformat(timespec="seconds"),
        },
    )
    return IssuedKey(
        text=str(key),
        key_id=key.id,
        site=str(site),
        zone=site.time_zone,
        uses=row.uses,
        expires_at=row.expires_at,
    )


def _check_fields(row: AgentKey) -> None:
    """Refuse what the model does not take; an id that is in use is the database's to refuse."""
    try:
        row.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        field = min(error.message_dict).replace("_", " ")
        raise AuthorityError(
            INVALID_KEY(), why=INVALID_FIELD(field=field), next_step=CORRECT_FIELD()
        ) from error


def _check_request(request: KeyRequest) -> None:
    if not 1 <= request.uses <= _MOST_USES:
        raise AuthorityError(
            INVALID_USES(uses=request.uses), next_step=CHOOSE_USES(limit=_MOST_USES)
        )
    if not timedelta() < request.life <= _LONGEST:
        raise AuthorityError(INVALID_LIFE(), next_step=CHOOSE_LIFE(days=_LONGEST.days))
    if request.gateway.strip() and request.uses > 1:
        raise AuthorityError(SEVERAL_BOXES(), next_step=OMIT_GATEWAY())
    check_length(request.gateway.strip())


@transaction.atomic
def revoke_key(key_id: str, *, actor: Actor = None) -> bool:
    """Revoke the agent key with this id; ``False`` where it was revoked already.

    Boxes that claimed with it keep their certificates.

    Raises:
        AuthorityError: There is no such key.
    """
    row = AgentKey.objects.filter(key_id=key_id.strip().upper()).select_related("site").first()
    if row is None:
        raise AuthorityError(UNKNOWN_KEY(id=key_id), next_step=LIST_KEYS())
    open_ = AgentKey.objects.filter(pk=row.pk, revoked_at=None)
    if not open_.update(revoked_at=timezone.now()):
        return False
    record(
        audit.KEY_REVOKE,
        actor=actor,
        organization=row.site.organization_id,
        subject=("key", row.pk),
    )
    return True


def state_of(row: AgentKey) -> str:
    """The state of a key: ``open``, ``revoked``, ``expired`` or ``used`` (up)."""
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at <= timezone.now():
        return "expired"
    return "used" if row.used >= row.uses else "open"
