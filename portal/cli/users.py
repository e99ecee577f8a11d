"""``kanmon-portal user`` and ``sign-in-link``: who may sign in, and how they get in."""

from __future__ import annotations

import getpass
import sys
import unicodedata
from typing import Final

import click

from console.failure import Failure
from console.language import tr, tr_noop
from console.text import Template
from console.usage import WrongUsage
from portal.cli.common import TextType, json_option, portal_ready, say

PASSWORDS_DIFFER: Final = Template("portal.passwords_differ", "the two passwords differ")
TRY_AGAIN: Final = Template("portal.try_again", "try again")
NOT_TYPEABLE: Final = Template(
    "portal.not_typeable", "the password contains characters that cannot be typed"
)
WRITE_LINE: Final = Template("portal.write_line", "write the password as one line of UTF-8")
ONE_PASSWORD_OPTION: Final = Template(
    "portal.one_password_option", "--password-stdin and --no-password cannot be used together"
)
USE_ONE: Final = Template("portal.use_one", "use only one of the two options")
NO_TERMINAL: Final = Template(
    "portal.no_terminal", "standard input is not a terminal on which a password can be typed"
)
USE_PASSWORD_OPTION: Final = Template(
    "portal.use_password_option", "use --password-stdin or --no-password"
)
_ROLES: Final = {
    "administrator": tr_noop("administrator"),
    "user": tr_noop("user"),
    "installer": tr_noop("installer"),
    "billing": tr_noop("billing"),
}


@click.group()
def user() -> None:
    """Manage user accounts."""


@user.command("add")
@click.option("--email", type=TextType(254), required=True, help="The user's email address.")
@click.option(
    "--organization",
    type=TextType(200),
    required=True,
    help="An existing organization, which the user joins.",
)
@click.option(
    "--role",
    type=click.Choice(list(_ROLES)),
    default="user",
    show_default=True,
    help="The user's role in the organization.",
)
@click.option("--family-name", type=TextType(60), default="", help="The user's family name.")
@click.option("--given-name", type=TextType(60), default="", help="The user's given name.")
@click.option(
    "--language",
    type=click.Choice(["en", "ja"]),
    default="en",
    show_default=True,
    help="The language of the user's pages.",
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option(
    "--no-password",
    is_flag=True,
    help="Create the user without a password, to sign in by link only.",
)
@click.option(
    "--consent-given",
    is_flag=True,
    help="Record that the user has accepted the current documents, for example in writing.",
)
@json_option
def user_add(
    *,
    consent_given: bool,
    password_stdin: bool,
    no_password: bool,
    as_json: bool,
    role: str,
    **fields: str,
) -> None:
    """Add a user to an organization.

    The user can sign in and see what the role shows of the organization.
    """
    if password_stdin and no_password:
        raise WrongUsage(ONE_PASSWORD_OPTION(), next_step=USE_ONE())
    password = None if no_password else _password(from_stdin=password_stdin)
    with portal_ready():
        from portal.accounts.actions import NewUser, add_user
        from portal.accounts.models import Role

        added = add_user(
            NewUser(role=Role(role), password=password, consent_given=consent_given, **fields)
        )
    say(
        {"user": added.pk, "email": added.email},
        tr(
            "{email} can sign in as {role} of {organization}",
            email=added.email,
            role=tr(_ROLES[role]),
            organization=fields["organization"],
        ),
        as_json=as_json,
    )


@user.command("operator")
@click.argument("email", type=TextType(254))
@click.option("--no-longer", is_flag=True, help="End the user's role as operator.")
@json_option
def user_operator(email: str, *, no_longer: bool, as_json: bool) -> None:
    """Name a user as the portal's operator.

    The pages of the user with EMAIL then show what the portal itself needs, such as certificates
    that expire soon. An operator sees no additional data. While there is no operator, the
    administrators of a portal with one organization see these notices.
    """
    with portal_ready():
        from portal.accounts.actions import name_operator

        named = name_operator(email, operates=not no_longer)
    text = tr("{email} is an operator of this portal", email=named.email)
    if no_longer:
        text = tr("{email} is no longer an operator of this portal", email=named.email)
    say(
        {"user": named.pk, "email": named.email, "operates": named.operates},
        text,
        as_json=as_json,
    )


@user.command("remove-second-factor")
@click.argument("email", type=TextType(254))
@json_option
def user_remove_second_factor(email: str, *, as_json: bool) -> None:
    """Remove the second factors of a user.

    The authenticator app, the passkeys and the recovery codes of the user with EMAIL are removed,
    and the user's sessions end. A user who needs a second factor sets up another one at the next
    sign-in. Make sure first that the request comes from the user.
    """
    with portal_ready():
        from portal.accounts.actions import remove_second_factor

        removed = remove_second_factor(email)
    say(
        {"email": email, "removed": removed},
        tr("the second factors of {email} were removed", email=email),
        as_json=as_json,
    )


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return _typeable(sys.stdin.readline().rstrip("\r\n"))
    if not sys.stdin.isatty():
        raise WrongUsage(NO_TERMINAL(), next_step=USE_PASSWORD_OPTION())
    first = getpass.getpass(tr("Password: "))
    if first != getpass.getpass(tr("Password again: ")):
        raise Failure(PASSWORDS_DIFFER(), next_step=TRY_AGAIN())
    return _typeable(first)


def _typeable(password: str) -> str:
    """The password; raises `Failure` for one that no sign-in page could be given."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        raise Failure(NOT_TYPEABLE(), next_step=WRITE_LINE())
    return password


@click.command("sign-in-link")
@click.argument("email", type=TextType(254))
@json_option
def sign_in_link(email: str, *, as_json: bool) -> None:
    """Print a single-use sign-in link for a user.

    The link signs in the user with EMAIL once, within thirty minutes.
    """
    with portal_ready():
        from django.conf import settings
        from django.urls import reverse

        from portal.accounts.actions import make_sign_in_link

        token = make_sign_in_link(email)
        link = settings.PORTAL_URL + reverse("sign-in-link", args=[token])
        minutes = int(settings.SIGN_IN_LINK_LIFE.total_seconds() // 60)
    say({"url": link, "minutes": minutes}, link, as_json=as_json)
