from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from portal.authority.models import AgentKey
from portal.fleet.models import Device
from portal.permissions import ACCESS, Audience

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.portal.web.seed import Seeded

METHODS = ("GET", "POST", "PUT", "DELETE")


def _patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from _patterns(entry)
        else:
            yield entry


def test_every_address_stands_in_the_table_and_the_table_holds_no_other() -> None:
    assert {pattern.name for pattern in _patterns(get_resolver())} == set(ACCESS)


def _address(name: str, seeded: Seeded, *, foreign: bool = False) -> str:
    device = seeded.foreign_meter if foreign else seeded.meter
    series = seeded.foreign_power if foreign else seeded.power
    gateway = Device.objects.get(pk=device).gateway
    arguments: dict[str, dict[str, Any]] = {
        "site": {"site": gateway.site_id},
        "site-live": {"site": gateway.site_id},
        "gateway": {"gateway": gateway.pk},
        "gateway-live": {"gateway": gateway.pk},
        "sign-in-link": {"token": "no-such-token"},
        "code-help": {"number": 2105},
        "key-revoke": {"key": seeded.foreign_key if foreign else seeded.key},
        "device": {"device": device},
        "device-live": {"device": device},
        "device-edit": {"device": device},
        "chart": {"device": device, "series": series},
        "device-energy": {"device": device},
        "device-energy-live": {"device": device},
        "site-energy": {"site": gateway.site_id},
    }
    return reverse(name, kwargs=arguments.get(name))


@pytest.mark.parametrize("name", ACCESS)
def test_outsiders_see_only_what_is_for_everybody(name: str, seeded: Seeded) -> None:
    response = Client().generic(sorted(ACCESS[name].methods)[0], _address(name, seeded))
    to_the_door = response.status_code == 302 and response.headers["Location"].startswith(
        reverse("account_login")
    )
    doorless = {Audience.EVERYBODY, Audience.MONITORS}
    assert to_the_door == (ACCESS[name].audience not in doorless)


@pytest.mark.parametrize("name", [n for n, a in ACCESS.items() if "GET" in a.methods])
@pytest.mark.parametrize("who", ["owner", "member"])
def test_members_open_what_is_theirs(
    name: str, who: str, seeded: Seeded, request: pytest.FixtureRequest
) -> None:
    browser: Client = request.getfixturevalue(who)
    response = browser.get(_address(name, seeded))
    # There is no authority here, so that a box would be told 2306.
    expected = {
        "sign-in-link": 410,
        "account_login": 302,
        "claim": 503,
        "metrics": 404,
        "simulation-live": 404,
    }.get(name, 200)
    if who == "member" and ACCESS[name].audience is Audience.ADMINISTRATORS:
        expected = 403
    assert response.status_code == expected


def test_only_an_administrator_withdraws_a_key_of_their_own(
    seeded: Seeded, owner: Client, member: Client, stranger: Client
) -> None:
    own = _address("key-revoke", seeded)
    assert stranger.post(own).status_code == 404
    assert member.post(own).status_code == 404
    assert owner.post(_address("key-revoke", seeded, foreign=True)).status_code == 404
    assert AgentKey.objects.filter(revoked_at=None).count() == 2
    assert owner.post(own).status_code == 302
    assert AgentKey.objects.get(revoked_at=None).pk == seeded.foreign_key


@pytest.mark.parametrize(
    "name", [n for n, a in ACCESS.items() if a.audience is Audience.ORGANIZATION]
)
def test_a_foreign_id_does_not_exist(
    name: str, seeded: Seeded, owner: Client, member: Client, stranger: Client
) -> None:
    assert stranger.get(_address(name, seeded)).status_code == 404
    for browser in (owner, member):
        assert browser.get(_address(name, seeded, foreign=True)).status_code == 404


def test_a_series_of_another_device_does_not_exist_under_this_one(
    seeded: Seeded, owner: Client
) -> None:
    mixed = reverse("chart", kwargs={"device": seeded.meter, "series": seeded.foreign_power})
    assert owner.get(mixed).status_code == 404


@pytest.mark.parametrize("name", ACCESS)
def test_other_methods_are_refused(name: str, seeded: Seeded, owner: Client) -> None:
    for method in set(METHODS) - ACCESS[name].methods:
        assert owner.generic(method, _address(name, seeded)).status_code == 405, method


def test_a_poll_without_a_session_is_told_so_instead_of_swapping_in_the_door(
    seeded: Seeded,
) -> None:
    response = Client().get(reverse("overview-live"), headers={"HX-Request": "true"})
    assert response.status_code == 401
    assert response.headers["HX-Refresh"] == "true"
