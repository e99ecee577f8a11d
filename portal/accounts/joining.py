"""Creating an organization, asking to join one, and asking to change what identifies it.

One function each, each one transaction, with its mails and its audit entries.

Source: requirements E-8, E-10 to E-14, E-20, K-7 and K-8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from console.templates import audit
from console.text import Template
from portal.accounts.actions import AccountError, may_operate
from portal.accounts.models import (
    ChangeRequest,
    Decision,
    JoinRequest,
    Membership,
    Organization,
    Role,
    User,
)
from portal.audit.record import record
from portal.notifications import outbox

if TYPE_CHECKING:
    from collections.abc import Mapping

IDENTITY: Final = (
    "name",
    "department",
    "country",
    "postal_code",
    "prefecture",
    "city",
    "street",
    "phone",
)
"""The fields of an organization that only an operator changes (E-13)."""
_MOST_REQUESTS: Final = 5

NAME_TAKEN: Final = Template("organization.name_taken", "this name is registered already")
ASK_TO_JOIN: Final = Template(
    "organization.ask_to_join", "ask to join that organization, or add the city to the name"
)
ALREADY_IN: Final = Template("organization.already_in", "you are already a member")
OPEN_IT: Final = Template("organization.open_it", "open the overview")
TOO_MANY_REQUESTS: Final = Template(
    "organization.too_many_requests", "too many of your requests are waiting for an answer"
)
WITHDRAW_ONE: Final = Template("organization.withdraw_one", "withdraw one of them first")
DECIDED: Final = Template("organization.decided", "this request was answered in the meantime")
LOOK_AGAIN: Final = Template("organization.look_again", "look at the page again")
CHANGE_WAITS: Final = Template(
    "organization.change_waits", "a change of this organization is waiting for an operator"
)
WITHDRAW_CHANGE: Final = Template("organization.withdraw_change", "withdraw that change first")
NO_CHANGE: Final = Template("organization.no_change", "nothing was changed in the form")
CHANGE_A_VALUE: Final = Template("organization.change_a_value", "change a value, then send it")


@transaction.atomic
def create_organization(user: User, values: Mapping[str, str]) -> Organization:
    """A new organization of which ``user`` is the administrator.

    Args:
        user: The creator, who gets a confirmation by mail.
        values: The fields of `IDENTITY`, checked by the form.

    Raises:
        AccountError: The name has been taken in the meantime.
    """
    try:
        with transaction.atomic():
            organization = Organization.objects.create(**{key: values[key] for key in IDENTITY})
    except IntegrityError as error:
        raise AccountError(NAME_TAKEN(), next_step=ASK_TO_JOIN()) from error
    Membership.objects.create(user=user, organization=organization, role=Role.ADMINISTRATOR)
    outbox.send(
        "organization_created",
        to=user.email,
        language=user.language,
        context={
            "organization": organization.name,
            "public_id": str(organization.public_id),
            "url": settings.PORTAL_URL + reverse("organizations"),
        },
        organization=organization.pk,
        person=user.pk,
    )
    record(
        audit.ORGANIZATION_CREATE,
        actor=user,
        organization=organization.pk,
        subject=("organization", organization.pk),
        after={key: values[key] for key in IDENTITY},
    )
    return organization


@transaction.atomic
def request_join(user: User, organization: Organization) -> JoinRequest:
    """Ask the administrators of an organization to take ``user`` in; asking twice is one request.

    Raises:
        AccountError: They are a member already, or too many of their requests wait.
    """
    _lock(organization)
    if user.memberships.filter(organization=organization).exists():
        raise AccountError(ALREADY_IN(), next_step=OPEN_IT())
    pending = user.join_requests.filter(decision=Decision.PENDING)
    waiting = pending.filter(organization=organization).first()
    if waiting is not None:
        return waiting
    if pending.count() >= _MOST_REQUESTS:
        raise AccountError(TOO_MANY_REQUESTS(), next_step=WITHDRAW_ONE())
    asked = JoinRequest.objects.create(user=user, organization=organization)
    for each in organization.memberships.filter(role=Role.ADMINISTRATOR).select_related("user"):
        outbox.send(
            "join_request",
            to=each.user.email,
            language=each.user.language,
            context={
                "person": user.name,
                "email": user.email,
                "organization": organization.name,
                "url": settings.PORTAL_URL + reverse("organizations"),
            },
            organization=organization.pk,
            person=each.user_id,
        )
    record(
        audit.JOIN_REQUEST,
        actor=user,
        organization=organization.pk,
        subject=("join_request", asked.pk),
    )
    return asked


@transaction.atomic
def withdraw_join(user: User, request: int) -> None:
    """Take back one's own request; one that was answered stays as it is."""
    JoinRequest.objects.filter(pk=request, user=user, decision=Decision.PENDING).update(
        decision=Decision.WITHDRAWN, decided_at=timezone.now(), decided_by=user
    )


@transaction.atomic
def decide_join(by: User, asked: JoinRequest, *, approve: bool, role: Role = Role.USER) -> None:
    """Take a person into the organization, or refuse to.

    Raises:
        AccountError: The request was answered in the meantime.
        PermissionDenied: ``by`` no longer administers the organization.
    """
    organization = lock_as_administrator(by, asked.organization_id)
    decision = Decision.APPROVED if approve else Decision.REFUSED
    changed = JoinRequest.objects.filter(pk=asked.pk, decision=Decision.PENDING).update(
        decision=decision, decided_at=timezone.now(), decided_by=by
    )
    if not changed:
        raise AccountError(DECIDED(), next_step=LOOK_AGAIN())
    if approve:
        Membership.objects.get_or_create(
            user=asked.user, organization=organization, defaults={"role": role}
        )
    outbox.send(
        "join_approved" if approve else "join_refused",
        to=asked.user.email,
        language=asked.user.language,
        context={"organization": organization.name, "url": settings.PORTAL_URL + "/"},
        organization=organization.pk,
        person=asked.user_id,
    )
    record(
        audit.JOIN_APPROVE if approve else audit.JOIN_REFUSE,
        actor=by,
        organization=organization.pk,
        subject=("join_request", asked.pk),
        after={"role": str(role)} if approve else None,
    )


@transaction.atomic
def request_change(
    by: User, organization: Organization, values: Mapping[str, str], reason: str
) -> ChangeRequest:
    """Ask the operators to change what identifies the organization.

    Raises:
        AccountError: Nothing differs, or a request is waiting already.
        PermissionDenied: ``by`` does not administer the organization.
    """
    found = lock_as_administrator(by, organization.pk)
    changes = {key: values[key] for key in IDENTITY if values[key] != getattr(found, key)}
    if not changes:
        raise AccountError(NO_CHANGE(), next_step=CHANGE_A_VALUE())
    if found.change_requests.filter(decision=Decision.PENDING).exists():
        raise AccountError(CHANGE_WAITS(), next_step=WITHDRAW_CHANGE())
    asked = ChangeRequest.objects.create(
        organization=found, changes=changes, reason=reason, requested_by=by
    )
    for operator in User.objects.filter(operates=True, is_active=True):
        outbox.send(
            "change_request",
            to=operator.email,
            language=operator.language,
            context={
                "organization": found.name,
                "url": settings.PORTAL_URL + reverse("change-requests"),
            },
            person=operator.pk,
        )
    record(
        audit.ORGANIZATION_REQUEST,
        actor=by,
        organization=found.pk,
        subject=("organization", found.pk),
        before={key: getattr(found, key) for key in changes},
        after=changes,
    )
    return asked


@transaction.atomic
def withdraw_change(by: User, asked: ChangeRequest) -> None:
    """Take back a change that no operator has decided; another one stays as it is."""
    lock_as_administrator(by, asked.organization_id)
    ChangeRequest.objects.filter(pk=asked.pk, decision=Decision.PENDING).update(
        decision=Decision.WITHDRAWN, decided_at=timezone.now(), decided_by=by
    )


@transaction.atomic
def decide_change(by: User, asked: ChangeRequest, *, approve: bool) -> None:
    """Change what identifies an organization, or refuse to; for operators.

    Raises:
        AccountError: It was decided in the meantime, or the new name is taken.
        PermissionDenied: ``by`` is not an operator.
    """
    if not may_operate(by):
        raise PermissionDenied
    organization = _lock(asked.organization)
    changed = ChangeRequest.objects.filter(pk=asked.pk, decision=Decision.PENDING).update(
        decision=Decision.APPROVED if approve else Decision.REFUSED,
        decided_at=timezone.now(),
        decided_by=by,
    )
    if not changed:
        raise AccountError(DECIDED(), next_step=LOOK_AGAIN())
    before = {key: getattr(organization, key) for key in asked.changes}
    if approve:
        _apply(organization, asked.changes)
    if asked.requested_by is not None:
        outbox.send(
            "change_approved" if approve else "change_refused",
            to=asked.requested_by.email,
            language=asked.requested_by.language,
            context={
                "organization": organization.name,
                "url": settings.PORTAL_URL + reverse("organizations"),
            },
            organization=organization.pk,
            person=asked.requested_by_id,
        )
    record(
        audit.ORGANIZATION_EDIT if approve else audit.ORGANIZATION_REFUSE,
        actor=by,
        organization=organization.pk,
        subject=("organization", organization.pk),
        before=before,
        after=asked.changes if approve else before,
    )


def _apply(organization: Organization, changes: Mapping[str, Any]) -> None:
    for key in IDENTITY:
        if key in changes:
            setattr(organization, key, changes[key])
    try:
        with transaction.atomic():
            organization.save(update_fields=[key for key in IDENTITY if key in changes])
    except IntegrityError as error:
        raise AccountError(NAME_TAKEN(), next_step=LOOK_AGAIN()) from error


def _lock(organization: Organization) -> Organization:
    """The organization, which no other transaction changes the members of until this one ends."""
    return Organization.objects.select_for_update().get(pk=organization.pk)


def lock_as_administrator(by: User, organization: int) -> Organization:
    """The locked organization, administered by ``by`` at this very moment.

    Raises:
        PermissionDenied: It is not, or not any longer.
    """
    found = Organization.objects.select_for_update().filter(pk=organization).first()
    if found is None or not found.memberships.filter(user=by, role=Role.ADMINISTRATOR).exists():
        raise PermissionDenied
    return found
