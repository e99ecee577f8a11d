from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from portal.authority.models import AgentKey
from portal.permissions import ACCESS, Audience
from tests.portal.addresses import address_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.portal.web.seed import SeedIds

# The one that changes something last: who signed out is nobody.
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
# that a box would be told 2306; nothing is simulated; a key is revoked, a language chosen.
ANSWERS = {
    ("account_login", "GET"): 302,
    ("account_login", "POST"): 302,
    ("account_logout", "POST"): 302,
    ("sign-in-link", "GET"): 410,
    ("sign-in-link", "POST"): 410,
    ("language", "POST"): 302,
    ("claim", "GET"): 503,
    ("claim", "POST"): 400,
    ("key-revoke", "POST"): 302,
    ("group-delete", "POST"): 302,
    ("simulation-live", "GET"): 404,
    ("simulation-break", "POST"): 404,
}
DOORLESS = {Audience.EVERYBODY, Audience.MONITORS}


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
    if asked not in access.methods:
        return 405
    if who == "anonymous" and name in {"account_login", "account_logout"}:
        return 200 if name == "account_login" else 302
    if access.audience is Audience.ADMINISTRATORS and who == "member":
        return 404 if name == "key-revoke" else 403
    named = access.audience is Audience.ORGANIZATION or name == "key-revoke"
    return 404 if named and foreign else ANSWERS.get((name, asked), 200)


# The owner opens every page: each of their queries runs on both databases.
@pytest.mark.parametrize(
    "who",
    ["anonymous", pytest.param("owner", marks=pytest.mark.database), "member", "stranger"],
)
def test_every_address_answers_every_method_as_the_table_says(
    who: str, seeded: SeedIds, request: pytest.FixtureRequest
) -> None:
    browser = Client() if who == "anonymous" else request.getfixturevalue(who)
    found, promised = {}, {}
    for name in sorted(ACCESS, key="account_logout".__eq__):  # after which nobody is signed in
        addresses = [address_of(name, seeded, foreign=foreign) for foreign in (False, True)]
        for method in METHODS:
            for address in dict.fromkeys(addresses):
                response = browser.generic(method, address)
                theirs = (address != addresses[0]) != (who == "stranger")
                found[name, method, address] = response.status_code
                promised[name, method, address] = _expected(name, method, who, foreign=theirs)
                if response.status_code == 302 and who == "anonymous" and name != "language":
                    assert response.headers["Location"].startswith(reverse("account_login"))
    assert found == promised


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
