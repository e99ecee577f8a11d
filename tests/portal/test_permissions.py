from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from portal.accounts.models import Organization, Role, User
from portal.authority.models import AgentKey
from portal.permissions import ACCESS, Audience
from tests.portal.addresses import address_of
from tests.portal.conftest import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.portal.web.seed import SeedIds

# The one that changes something last: who signed out is nobody.
LAST = ("invitation-withdraw", "member-remove", "account_logout")
METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "POST")


def _patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from _patterns(entry)
        else:
            yield entry


def test_every_address_stands_in_the_table_and_the_table_holds_no_other() -> None:
    assert {pattern.name for pattern in _patterns(get_resolver())} == set(ACCESS)


# What an address answers to who may open it, where that is not 200: there is no authority here, so
# that a box would be told 2306; nothing is simulated; a key is revoked, a language chosen; no place
# is named; one site has meters. Each act was done by the first method that may do it, so that the
# next one finds it done.
ANSWERS = {
    ("consent", "GET"): 302,
    ("consent", "POST"): 302,
    ("demo-mailbox", "GET"): 404,
    ("demo-mail", "GET"): 404,
    ("demo-mail-html", "GET"): 404,
    ("account_login", "GET"): 302,
    ("account_login", "POST"): 302,
    ("account_logout", "POST"): 302,
    ("sign-in-link", "GET"): 410,
    ("sign-in-link", "POST"): 410,
    ("invitation", "GET"): 410,
    ("invitation", "POST"): 410,
    ("language", "POST"): 302,
    # Nobody is between the two steps of a sign-in, there is no link, no factor and one session.
    ("mfa_authenticate", "GET"): 302,
    ("mfa_authenticate", "POST"): 302,
    ("mfa_login_webauthn", "GET"): 302,
    ("mfa_login_webauthn", "POST"): 302,
    ("account_reset_password_from_key", "GET"): 410,
    ("account_reset_password_from_key", "POST"): 410,
    ("address-confirmation", "GET"): 410,
    ("address-confirmation", "POST"): 410,
    ("mfa_reauthenticate", "GET"): 302,
    ("mfa_reauthenticate", "POST"): 302,
    ("mfa_reauthenticate_webauthn", "GET"): 302,
    ("mfa_reauthenticate_webauthn", "POST"): 302,
    ("account_set_password", "GET"): 302,
    ("account_set_password", "POST"): 302,
    ("mfa_deactivate_totp", "GET"): 404,
    ("mfa_deactivate_totp", "POST"): 404,
    ("mfa_view_recovery_codes", "GET"): 404,
    ("mfa_download_recovery_codes", "GET"): 404,
    ("mfa_edit_webauthn", "GET"): 404,
    ("mfa_edit_webauthn", "POST"): 404,
    ("mfa_remove_webauthn", "GET"): 404,
    ("mfa_remove_webauthn", "POST"): 404,
    ("usersessions_list", "POST"): 302,
    ("password-expiry", "POST"): 302,
    ("session-end", "POST"): 404,
    ("claim", "GET"): 503,
    ("claim", "POST"): 400,
    ("key-revoke", "POST"): 302,
    ("place", "POST"): 404,
    ("energy", "GET"): 302,
    ("group-delete", "POST"): 302,
    ("location-remove", "POST"): 302,
    ("simulation-live", "GET"): 404,
    ("simulation-break", "POST"): 404,
    ("sign-up", "GET"): 302,
    ("sign-up", "POST"): 302,
    ("sign-up-account", "GET"): 302,
    ("sign-up-account", "POST"): 302,
    ("sign-up-code", "GET"): 302,
    ("sign-up-code", "POST"): 302,
    ("invite", "GET"): 302,
    ("invitation-resend", "POST"): 302,
    ("invitation-withdraw", "POST"): 302,
    ("join-decide", "POST"): 302,
    ("member-role", "POST"): 302,
    ("member-remove", "POST"): 302,
    ("change-decide", "POST"): 302,
}
WITHOUT_SESSION = {
    ("account_login", "GET"): 200,
    ("account_login", "POST"): 200,
    ("account_logout", "GET"): 302,
    ("account_logout", "POST"): 302,
    ("sign-up", "GET"): 200,
    ("sign-up", "POST"): 200,
    ("sign-up-account", "GET"): 302,
    ("sign-up-account", "POST"): 302,
    ("sign-up-code", "GET"): 410,
    ("sign-up-code", "POST"): 410,
    ("invite", "GET"): 200,
}
DOORLESS = {Audience.EVERYBODY, Audience.MONITORS}
SEES = {"owner", "member", "installer"}
"""Who sees what the seeded organization has."""
NAMED_INSTALLERS = {"key-revoke"}
OF_OPERATORS = {"energy"}
"""What answers 200 to the operator, who has no meters."""
UNNAMED = {"undelivered-mail", "password-expiry", "audit", "audit-export"}
"""What is for administrators and names no organization: 403 for all others."""
OWN = {"join-withdraw"}
"""What is one's own alone: nobody of these has asked to join."""


def _expected(name: str, method: str, who: str, *, foreign: bool) -> int:
    """What the table promises; ``foreign``: the id is not of the reader's organization."""
    access, asked = ACCESS[name], method
    if access.audience is Audience.MONITORS:  # nobody of these has the token
        return 404
    if method == "HEAD" and name != "claim":  # which programs ask for
        asked = "GET"
    # allauth looks for who signs out itself: another method is refused before anybody is asked.
    if who == "anonymous" and access.audience not in DOORLESS and name != "account_logout":
        return 302
    bills = who == "billing" and access.audience is Audience.MEMBERS
    if bills:  # refused before the method is looked at; the first page leads to usage
        return 302 if name == "overview" else 403
    if asked not in access.methods:
        return 405
    if who == "anonymous" and (name, asked) in WITHOUT_SESSION:
        return WITHOUT_SESSION[name, asked]
    refused = _refused(name, access.audience, who, foreign=foreign)
    if who == "operator" and name in OF_OPERATORS:
        return 200
    return refused or ANSWERS.get((name, asked), 200)


def _refused(name: str, audience: Audience, who: str, *, foreign: bool) -> int:
    """The status that keeps a person out of a page; 0: none does."""
    if name in OWN:
        return 404
    if audience is Audience.OPERATORS:
        return 0 if who == "operator" else 403
    if name in UNNAMED:
        return 0 if who in {"owner", "stranger"} else 403
    if audience is Audience.INSTALLERS and name not in NAMED_INSTALLERS:
        return 0 if who in {"owner", "installer", "stranger"} else 403
    may = {
        Audience.ORGANIZATION: SEES,
        Audience.USAGE: SEES | {"billing"},
        Audience.ADMINISTRATORS: {"owner"},
        Audience.INSTALLERS: {"owner", "installer"},
    }.get(audience)
    if may is None or (who == "stranger" and not foreign):
        return 0
    return 404 if foreign or who not in may else 0


def _turn(name: str) -> int:
    return LAST.index(name) if name in LAST else -1


PEOPLE = ["anonymous", "owner", "member", "installer", "billing", "operator", "stranger"]


def _just_signed_in(browser: Client) -> Client:
    """The same person, by password: pages that ask for it again open."""
    user = User.objects.get(pk=browser.session["_auth_user_id"])
    user.set_password(PASSWORD)
    user.save()
    browser.logout()
    signed_in = browser.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    assert signed_in.status_code == 302
    return browser


# The owner opens every page: each of their queries runs on both databases.
@pytest.mark.parametrize(
    "who",
    [pytest.param(who, marks=pytest.mark.database if who == "owner" else ()) for who in PEOPLE],
)
def test_every_address_answers_every_method_as_the_table_says(
    who: str, seeded: SeedIds, request: pytest.FixtureRequest
) -> None:
    browser = Client() if who == "anonymous" else _just_signed_in(request.getfixturevalue(who))
    for organization in Organization.objects.all():  # a second administrator and a member of each
        for email, role in (("second", Role.ADMINISTRATOR), ("tanaka", Role.USER)):
            user = User.objects.create_user(f"{email}-{organization.pk}@example.com")
            organization.memberships.create(user=user, role=role)
    found, promised = {}, {}
    for name in sorted(ACCESS, key=_turn):  # after which something is gone
        addresses = [address_of(name, seeded, foreign=foreign) for foreign in (False, True)]
        # Which methods a page takes does not depend on the reader: two walk them all.
        for method in METHODS if who in {"anonymous", "owner"} else ("GET", "POST"):
            for address in dict.fromkeys(addresses):
                response = browser.generic(method, address)
                theirs = (address != addresses[0]) != (who == "stranger")
                found[name, method, address] = response.status_code
                promised[name, method, address] = _expected(name, method, who, foreign=theirs)
                leads = who == "anonymous" and ACCESS[name].audience not in DOORLESS
                if response.status_code == 302 and leads:
                    assert response.headers["Location"].startswith(reverse("account_login"))
    wrong = {key: (found[key], promised[key]) for key in found if found[key] != promised[key]}
    assert not wrong, "address: (answer, promised by the table)"


def test_only_an_administrator_withdraws_a_key_of_their_own(
    seeded: SeedIds, owner: Client, member: Client, stranger: Client
) -> None:
    own = address_of("key-revoke", seeded)
    assert stranger.post(own).status_code == 404
    assert member.post(own).status_code == 404
    assert owner.post(address_of("key-revoke", seeded, foreign=True)).status_code == 404
    assert AgentKey.objects.filter(revoked_at=None).count() == 2
    assert owner.post(own).status_code == 302
    assert AgentKey.objects.get(revoked_at=None).pk == seeded.foreign_key


def test_a_series_of_another_device_does_not_exist_under_this_one(
    seeded: SeedIds, owner: Client
) -> None:
    mixed = reverse("chart", kwargs={"device": seeded.meter, "series": seeded.foreign_power})
    assert owner.get(mixed).status_code == 404


POLLED = [name for name in ACCESS if name.endswith("-live")]


def test_a_poll_without_a_session_is_told_so_instead_of_swapping_in_the_door(
    seeded: SeedIds,
) -> None:
    for name in POLLED:
        response = Client().get(address_of(name, seeded), headers={"HX-Request": "true"})
        assert (response.status_code, response.headers["HX-Refresh"]) == (401, "true"), name


def test_what_one_reader_holds_is_nothing_to_another(
    seeded: SeedIds, owner: Client, member: Client
) -> None:
    for name in set(POLLED) - {"simulation-live"}:
        tag = owner.get(address_of(name, seeded)).headers["ETag"]
        answer = member.get(address_of(name, seeded), headers={"If-None-Match": tag})
        assert (answer.status_code, answer.headers["ETag"] == tag) == (200, False), name
        assert {"Cookie", "Accept-Language"} <= set(answer.headers["Vary"].split(", "))
        assert "private" in answer.headers["Cache-Control"]
