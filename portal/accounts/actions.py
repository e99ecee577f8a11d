"""What people and operators do to accounts: one function each, each one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from console.templates import audit
from console.text import Message, MessageError, Template, verbatim
from portal.accounts import documents
from portal.accounts.models import (
    Membership,
    Organization,
    Role,
    SignInLink,
    User,
    normal_email,
)
from portal.accounts.sign_in_record import record_for
from portal.audit.record import record

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from portal.audit.acting import Actor


INVALID_EMAIL: Final = Template("account.invalid_email", "'{email}' is not an email address")
WRITE_EMAIL: Final = Template("account.write_email", "write an address such as name@example.com")
ALREADY_MEMBER: Final = Template(
    "account.already_member", "{email} is already a member of {organization}"
)
USE_ANOTHER: Final = Template(
    "account.use_another", "name another organization or another email address"
)
NO_ORGANIZATION: Final = Template(
    "account.no_organization", "the organization '{name}' does not exist"
)
KNOWN_ORGANIZATIONS: Final = Template(
    "account.known_organizations", "existing organizations include {names}"
)
CORRECT_ORGANIZATION: Final = Template(
    "account.correct_organization",
    "correct the name, or create the organization with its first gateway, as "
    "`kanmon-portal gateway add --help` shows",
)
NONE_YET: Final = Template("account.none_yet", "no organization exists yet")
ADD_ORGANIZATION: Final = Template(
    "account.add_organization",
    "create the organization with its first gateway, as `kanmon-portal gateway add --help` shows",
)
PASSWORD_REJECTED: Final = Template("account.password_rejected", "the password was rejected")
PASSWORD_PROBLEMS: Final = Template("account.password_problems", "{problems}")
PASSWORD_SHORT: Final = Template(
    "account.password_short",
    "it has fewer than {n} character",
    "it has fewer than {n} characters",
)
PASSWORD_LONG: Final = Template("account.password_long", "it has more than 128 characters")
PASSWORD_CHARACTERS: Final = Template(
    "account.password_characters",
    "it has no upper-case letter, no lower-case letter or no digit",
)
PASSWORD_SIMILAR: Final = Template(
    "account.password_similar", "it is too similar to the name or the email address"
)
PASSWORD_COMMON: Final = Template("account.password_common", "it is a common password")
OTHER_PASSWORD: Final = Template("account.other_password", "choose another password")
NO_USER: Final = Template("account.no_user", "no active user has the email address {email}")
ADD_USER: Final = Template(
    "account.add_user",
    "add the user with `kanmon-portal user add --email {email} --organization NAME`",
)


class AccountError(MessageError, ValueError):
    """An account command that is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user to be added to an organization.

    Attributes:
        email: What they sign in with.
        organization: The name of an organization that exists.
        role: What they may do there.
        family_name: Pages show the full name; the email where both names are empty.
        given_name: As ``family_name``.
        language: ``en`` or ``ja``.
        password: ``None``: they sign in by link until they have one.
        consent_given: Whether they accepted the current documents in writing; else they are asked
            at their first sign-in.
    """

    email: str
    organization: str
    role: Role = Role.USER
    family_name: str = ""
    given_name: str = ""
    language: str = "en"
    password: str | None = None
    consent_given: bool = False


@transaction.atomic
def add_user(new: NewUser, *, actor: Actor = None) -> User:
    """Add a user to an organization; one who exists gets the membership and keeps the rest.

    Raises:
        AccountError: The email, the organization or the password will not do, or they are
            already a member.
    """
    email = normal_email(new.email)
    try:
        validate_email(email)
    except ValidationError as error:
        raise AccountError(INVALID_EMAIL(email=new.email), next_step=WRITE_EMAIL()) from error
    organization = organization_named(new.organization)
    user = User.objects.filter(email=email).first() or _new_user(email, new)
    _, created = Membership.objects.get_or_create(
        user=user, organization=organization, defaults={"role": new.role}
    )
    if not created:
        raise AccountError(
            ALREADY_MEMBER(email=email, organization=str(organization)),
            next_step=USE_ANOTHER(),
        )
    if new.consent_given:
        asked = documents.outstanding(user)
        documents.accept(user, asked, language=user.language, actor=actor)
    record(
        audit.PERSON_ADD,
        actor=actor,
        organization=organization.pk,
        subject=("person", user.pk),
        after={"role": new.role.value},
    )
    return user


def organization_named(name: str) -> Organization:
    """The organization with this name; raises `AccountError`."""
    found = Organization.objects.filter(name=name.strip()).first()
    if found is None:
        raise _no_organization(name)
    return found


def _no_organization(name: str) -> AccountError:
    known = tuple(str(organization) for organization in Organization.objects.all()[:5])
    return AccountError(
        NO_ORGANIZATION(name=name),
        why=KNOWN_ORGANIZATIONS(names=known) if known else NONE_YET(),
        next_step=CORRECT_ORGANIZATION() if known else ADD_ORGANIZATION(),
    )


def _no_user(email: str) -> AccountError:
    return AccountError(NO_USER(email=email), next_step=ADD_USER(email=email))


def _new_user(email: str, new: NewUser) -> User:
    names = {"family_name": new.family_name, "given_name": new.given_name}
    if new.password is not None:
        try:
            validate_password(new.password, User(email=email, **names))
        except ValidationError as error:
            problems = tuple(_password_problem(one) for one in error.error_list)
            raise AccountError(
                PASSWORD_REJECTED(),
                why=PASSWORD_PROBLEMS(problems=problems),
                next_step=OTHER_PASSWORD(),
            ) from error
    user = User.objects.create_user(email, new.password, language=new.language, **names)
    # Whoever adds users by command vouches for their addresses.
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def _password_problem(error: ValidationError) -> Message:
    """What one of the settings' validators says; another one's own words."""
    if error.code == "password_too_short":
        return PASSWORD_SHORT(n=(error.params or {})["min_length"])
    known = {
        "password_too_long": PASSWORD_LONG,
        "password_characters": PASSWORD_CHARACTERS,
        "password_too_similar": PASSWORD_SIMILAR,
        "password_too_common": PASSWORD_COMMON,
    }
    found = known.get(error.code or "")
    return found() if found else verbatim(error.messages[0])


def may_operate(user: User | AnonymousUser) -> bool:
    """Whether somebody looks after this portal itself.

    That is who was named for it. Where nobody was, it is the administrators of a portal that
    serves one organization: it is then most likely their own, and somebody must be told.
    """
    if not user.is_authenticated:
        return False
    if user.operates or User.objects.filter(operates=True, is_active=True).exists():
        return user.operates
    alone = Organization.objects.count() == 1
    return alone and user.memberships.filter(role=Role.ADMINISTRATOR).exists()


def active_user(email: str) -> User:
    """The active user with this email; raises `AccountError`."""
    user = User.objects.filter(email=normal_email(email), is_active=True).first()
    if user is None:
        raise _no_user(email)
    return user


@transaction.atomic
def name_operator(email: str, *, operates: bool, actor: Actor = None) -> User:
    """Make a user an operator of this portal, or no longer one; raises `AccountError`."""
    user = active_user(email)
    user.operates = operates
    user.save(update_fields=["operates"])
    action = audit.OPERATOR_ADD if operates else audit.OPERATOR_REMOVE
    record(action, actor=actor, organization=None, subject=("person", user.pk))
    return user


@transaction.atomic
def remove_second_factor(email: str, *, actor: Actor = None) -> int:
    """Remove the second factors of a user who lost them; how many; raises `AccountError`."""
    user = User.objects.filter(email=normal_email(email), is_active=True).first()
    if user is None:
        raise _no_user(email)
    # Later: what it needs of allauth is loaded by this command alone.
    from portal.accounts.second_factor import remove_second_factors

    removed = remove_second_factors(user)
    record_for(user, audit.FACTOR_REMOVE, actor=actor)
    return removed


@transaction.atomic
def make_sign_in_link(email: str, *, actor: Actor = None) -> str:
    """The token of a new sign-in link; raises `AccountError` for an unknown email."""
    user = active_user(email)
    now = timezone.now()
    SignInLink.objects.filter(expires_at__lt=now).delete()
    token = SignInLink.new_token()
    SignInLink.objects.create(
        user=user,
        digest=SignInLink.digest_of(token),
        expires_at=now + settings.SIGN_IN_LINK_LIFE,
    )
    record_for(user, audit.SIGN_IN_LINK, actor=actor)
    return token


def usable_link(token: str) -> SignInLink | None:
    """The link with this token where it can still sign its user in; changes nothing."""
    return (
        SignInLink.objects.select_related("user")
        .filter(
            digest=SignInLink.digest_of(token),
            used_at=None,
            expires_at__gt=timezone.now(),
            user__is_active=True,
        )
        .first()
    )


def use_sign_in_link(token: str) -> User | None:
    """The user a link signs in, which spends it; ``None`` if it is spent, expired or unknown.

    Of two requests with the same link at the same moment exactly one gets the user: the
    update counts only a row that is still unspent.
    """
    link = usable_link(token)
    if link is None:
        return None
    spent = SignInLink.objects.filter(pk=link.pk, used_at=None).update(used_at=timezone.now())
    return link.user if spent else None


def choose_language(user: User, language: str) -> None:
    """Store the language a user reads."""
    User.objects.filter(pk=user.pk).update(language=language)
