"""Inviting people, what their roles are, and how they leave.

One function each, each one transaction. Whatever changes the members of an organization locks the
organization first, and looks only then at who administers it: so there is always one administrator
at least, whatever two people do at the same moment.

Source: requirements E-14 to E-18; design section 8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from console.templates import audit
from console.text import Template
from portal.accounts import departure, tries
from portal.accounts.actions import AccountError
from portal.accounts.joining import DECIDED, LOOK_AGAIN, lock_as_administrator
from portal.accounts.models import (
    Decision,
    Invitation,
    JoinRequest,
    Membership,
    Organization,
    Role,
    User,
)
from portal.audit.record import record
from portal.notifications import outbox
from portal.web.moments import milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.notifications.models import Mail

IS_MEMBER: Final = Template("invitation.is_member", "{email} is already a member")
CHANGE_ROLE: Final = Template("invitation.change_role", "change the role in the list of members")
IS_INVITED: Final = Template("invitation.is_invited", "{email} is already invited")
SEND_AGAIN: Final = Template(
    "invitation.send_again", "send the invitation again, or withdraw it and send a new one"
)
TOO_MANY: Final = Template("invitation.too_many", "too many invitations were sent at once")
WAIT: Final = Template("invitation.wait", "wait five minutes and try again")
LAST_ADMINISTRATOR: Final = Template(
    "membership.last_administrator", "{person} is the only administrator"
)
NAME_ANOTHER: Final = Template(
    "membership.name_another", "make another member an administrator first"
)
GONE: Final = Template("membership.gone", "this person is not a member any more")


@transaction.atomic
def invite(by: User, organization: Organization, values: Mapping[str, Any]) -> Invitation:
    """Invite a person by mail.

    Args:
        by: An administrator.
        organization: The one that the person is to join.
        values: ``email``, the names, ``role`` and ``language``, checked by the form.

    Raises:
        AccountError: The person is a member or invited already, or too many are being invited.
        PermissionDenied: ``by`` does not administer the organization.
    """
    found = lock_as_administrator(by, organization.pk)
    email = values["email"]
    if found.memberships.filter(user__email=email).exists():
        raise AccountError(IS_MEMBER(email=email), next_step=CHANGE_ROLE())
    if found.invitations.open().filter(email=email).exists():
        raise AccountError(IS_INVITED(email=email), next_step=SEND_AGAIN())
    _limit(found)
    token, now = Invitation.new_token(), timezone.now()
    names = ("family_name", "given_name", "family_kana", "given_kana")
    made = Invitation.objects.create(
        organization=found,
        email=email,
        role=values["role"],
        language=values["language"],
        digest=Invitation.digest_of(token),
        invited_by=by,
        invited_by_name=str(by)[:121],
        invited_at=now,
        sent_at=now,
        expires_at=now + settings.INVITATION_LIFE,
        **{name: values.get(name, "") for name in names},
    )
    _mail(made, token)
    _record(audit.INVITATION_SEND, by, made)
    return made


@transaction.atomic
def resend(by: User, invitation: Invitation) -> None:
    """Send an invitation again, with a new link; the one before it is no longer taken.

    Raises:
        AccountError: It was accepted or withdrawn, or too many are being sent.
        PermissionDenied: ``by`` does not administer the organization.
    """
    organization = lock_as_administrator(by, invitation.organization_id)
    found = Invitation.objects.open().filter(pk=invitation.pk).first()
    if found is None:
        raise AccountError(DECIDED(), next_step=LOOK_AGAIN())
    _limit(organization)
    token, now = Invitation.new_token(), timezone.now()
    found.digest, found.sent_at = Invitation.digest_of(token), now
    found.expires_at = now + settings.INVITATION_LIFE
    found.save(update_fields=["digest", "sent_at", "expires_at"])
    _mail(found, token)
    _record(audit.INVITATION_SEND, by, found)


@transaction.atomic
def withdraw(by: User, invitation: Invitation) -> None:
    """Take an invitation back: its link is no longer taken.

    Raises:
        AccountError: It was accepted or withdrawn in the meantime.
        PermissionDenied: ``by`` does not administer the organization.
    """
    lock_as_administrator(by, invitation.organization_id)
    changed = Invitation.objects.open().filter(pk=invitation.pk)
    if not changed.update(withdrawn_at=timezone.now()):
        raise AccountError(DECIDED(), next_step=LOOK_AGAIN())
    _record(audit.INVITATION_REVOKE, by, invitation)


def usable_invitation(token: str) -> Invitation | None:
    """The invitation with this link where it can still be accepted; changes nothing."""
    usable = Invitation.objects.open().filter(
        digest=Invitation.digest_of(token), expires_at__gt=timezone.now()
    )
    return usable.select_related("organization").first()


@transaction.atomic
def accept(user: User, token: str) -> Membership | None:
    """Become a member; ``None`` where the link is spent, expired, withdrawn or another person's.

    The link is for the account of the invited address alone, so that one that was passed on
    opens nothing. Of two requests at the same moment one accepts.
    """
    invitation = usable_invitation(token)
    if invitation is None or invitation.email != user.email:
        return None
    organization = Organization.objects.select_for_update().get(pk=invitation.organization_id)
    now = timezone.now()
    spent = Invitation.objects.open().filter(
        pk=invitation.pk, digest=invitation.digest, expires_at__gt=now
    )
    if not spent.update(accepted_at=now, accepted_by=user):
        return None
    membership, _ = Membership.objects.get_or_create(
        user=user, organization=organization, defaults={"role": invitation.role}
    )
    asked = JoinRequest.objects.filter(
        user=user, organization=organization, decision=Decision.PENDING
    )
    asked.update(decision=Decision.APPROVED, decided_at=now, decided_by=invitation.invited_by)
    if invitation.invited_by is not None:
        outbox.send(
            "invitation_accepted",
            to=invitation.invited_by.email,
            language=invitation.invited_by.language,
            context={
                "person": user.name or user.email,
                "organization": organization.name,
                "url": settings.PORTAL_URL + reverse("organizations"),
            },
            organization=organization.pk,
            person=invitation.invited_by_id,
        )
    _record(audit.INVITATION_ACCEPT, user, invitation)
    return membership


@transaction.atomic
def change_role(by: User, membership: Membership, role: Role) -> None:
    """Give a member another role.

    Raises:
        AccountError: The member is gone, or would be the last administrator.
        PermissionDenied: ``by`` does not administer the organization.
    """
    organization = lock_as_administrator(by, membership.organization_id)
    found = _still(organization, membership)
    if found.role == role:
        return
    if role is not Role.ADMINISTRATOR:
        _refuse_last(found)
    before, found.role = found.role, role
    found.save(update_fields=["role"])
    record(
        audit.ROLE_CHANGE,
        actor=by,
        organization=organization.pk,
        subject=("person", found.user_id),
        before={"role": before},
        after={"role": str(role)},
    )


@transaction.atomic
def remove(by: User, membership: Membership) -> None:
    """Remove a member and settle what the person holds (`portal.accounts.departure`).

    A member may leave, whatever the role; an administrator may remove another member.

    Raises:
        AccountError: The member is gone, or is the only administrator.
        PermissionDenied: ``by`` may not.
    """
    if by.pk == membership.user_id:
        organization = Organization.objects.select_for_update().get(pk=membership.organization_id)
    else:
        organization = lock_as_administrator(by, membership.organization_id)
    found = _still(organization, membership)
    _refuse_last(found)
    person = found.user
    settled = departure.settle(person, organization)
    found.delete()
    outbox.send(
        "membership_ended",
        to=person.email,
        language=person.language,
        context={"organization": organization.name},
        organization=organization.pk,
        person=person.pk,
    )
    record(
        audit.PERSON_REMOVE,
        actor=by,
        organization=organization.pk,
        subject=("person", person.pk),
        before={"role": found.role},
        after=settled,
    )


@transaction.atomic
def recover(email: str, organization: Organization) -> Membership:
    """Make a person an administrator by command, where the last one has vanished.

    The other administrators and the person learn so by mail, and the audit names the account at
    the command line.

    Raises:
        AccountError: No active user has this address.
    """
    from portal.accounts.actions import active_user

    user = active_user(email)
    found = Organization.objects.select_for_update().get(pk=organization.pk)
    membership, created = Membership.objects.get_or_create(
        user=user, organization=found, defaults={"role": Role.ADMINISTRATOR}
    )
    before = None if created else {"role": membership.role}
    membership.role = Role.ADMINISTRATOR
    membership.save(update_fields=["role"])
    for each in found.memberships.filter(role=Role.ADMINISTRATOR).select_related("user"):
        outbox.send(
            "administrator_named",
            to=each.user.email,
            language=each.user.language,
            context={
                "person": user.name or user.email,
                "organization": found.name,
                "url": settings.PORTAL_URL + reverse("organizations"),
            },
            organization=found.pk,
            person=each.user_id,
        )
    record(
        audit.ROLE_CHANGE,
        actor=None,
        organization=found.pk,
        subject=("person", user.pk),
        before=before,
        after={"role": str(Role.ADMINISTRATOR)},
    )
    return membership


def _still(organization: Organization, membership: Membership) -> Membership:
    found = organization.memberships.select_related("user").filter(pk=membership.pk).first()
    if found is None:
        raise AccountError(GONE(), next_step=LOOK_AGAIN())
    return found


def _refuse_last(membership: Membership) -> None:
    others = Membership.objects.filter(
        organization=membership.organization_id, role=Role.ADMINISTRATOR, user__is_active=True
    ).exclude(pk=membership.pk)
    if membership.role == Role.ADMINISTRATOR and not others.exists():
        person = str(membership.user)
        raise AccountError(LAST_ADMINISTRATOR(person=person), next_step=NAME_ANOTHER())


def _limit(organization: Organization) -> None:
    kinds = [(tries.INVITATIONS, str(organization.pk))]
    if tries.count_try(kinds, milliseconds(timezone.now())) is None:
        raise AccountError(TOO_MANY(), next_step=WAIT())


def _mail(invitation: Invitation, token: str) -> Mail:
    return outbox.send(
        "invitation",
        to=invitation.email,
        language=invitation.language,
        context={
            "inviter": invitation.invited_by_name,
            "organization": invitation.organization.name,
            "days": settings.INVITATION_LIFE.days,
            "url": settings.PORTAL_URL + reverse("invitation", kwargs={"token": token}),
        },
        organization=invitation.organization_id,
        life=settings.INVITATION_LIFE,
    )


def _record(action: Template, by: User, invitation: Invitation) -> None:
    record(
        action,
        actor=by,
        organization=invitation.organization_id,
        subject=("invitation", invitation.pk),
        after={"role": invitation.role},
        # Only an entry about a person holds a name or an address, so that it can be erased there.
        subject_name=f"#{invitation.pk}",
    )
