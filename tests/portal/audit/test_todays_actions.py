"""What people do on today's pages is on record: who, what, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import authenticate
from django.test import Client, RequestFactory
from django.urls import reverse

from console.templates import audit
from portal.accounts import sign_in_record
from portal.accounts.actions import make_sign_in_link, name_operator
from portal.accounts.models import Membership, Organization, User
from portal.audit.models import Entry
from portal.audit.reading import EntryView, views_of
from portal.fleet.models import Device
from tests.portal.addresses import address_of
from tests.portal.conftest import PASSWORD

if TYPE_CHECKING:
    from tests.portal.web.seed import SeedIds

pytestmark = [pytest.mark.django_db, pytest.mark.database]
NAME = "青山 花子 (owner@example.com)"


def _views(chain: int | None = None) -> list[EntryView]:
    """The entries of the seeded organization's chain, oldest first."""
    number = Organization.objects.get(name="Aoyama Foods").pk if chain is None else chain
    return views_of(list(Entry.objects.filter(chain=number)))


def _last() -> EntryView:
    return _views()[-1]


def _changed(view: EntryView) -> dict[str, tuple[Any, Any]]:
    return {one.name: (one.before, one.after) for one in view.fields}


def test_editing_a_device(owner: Client, seeded: SeedIds) -> None:
    site = Device.objects.get(pk=seeded.meter).gateway.site
    site.installation_locations.create(name="Building A / 3F")
    owner.post(
        address_of("device-edit", seeded),
        {"name": "Main", "location": "Building A / 3F", "group": "Floor 3", "kind": ""},
    )
    made, edit = _views()[-2:]
    assert (made.action, made.subject.kind, made.subject.name) == (
        audit.GROUP_CREATE,
        "group",
        "Floor 3",
    )
    assert edit.action == audit.DEVICE_EDIT
    assert (edit.actor.kind, edit.actor.name) == ("person", NAME)
    assert (edit.subject.key, edit.subject.name) == (f"device:{seeded.meter}", "Main")
    assert _changed(edit) == {
        "name": ("", "Main"),
        "location": ("", "Building A / 3F"),
        "group": ("", "Floor 3"),
    }


def test_an_edit_that_is_refused_is_not_on_record(owner: Client, seeded: SeedIds) -> None:
    before = Entry.objects.count()
    response = owner.post(address_of("device-edit", seeded), {"name": "a\x07b", "kind": ""})
    assert response.status_code == 200
    assert Entry.objects.count() == before


def test_renaming_and_deleting_a_group(owner: Client, seeded: SeedIds) -> None:
    address = address_of("group", seeded)
    owner.post(address, {"name": "Third floor"})
    assert (_last().action, _changed(_last())) == (
        audit.GROUP_RENAME,
        {"name": ("3F", "Third floor")},
    )
    owner.post(address.rstrip("/") + "/delete/")
    assert (_last().action, _changed(_last())) == (
        audit.GROUP_DELETE,
        {"name": ("Third floor", None)},
    )
    assert _last().subject.name == "Third floor"


def test_revoking_a_key(owner: Client, seeded: SeedIds) -> None:
    owner.post(address_of("key-revoke", seeded))
    assert _last().action == audit.KEY_REVOKE
    assert _last().subject.key == f"key:{seeded.key}"
    count = Entry.objects.count()
    owner.post(address_of("key-revoke", seeded))  # it is revoked already
    assert Entry.objects.count() == count


def _sign_in(password: str, email: str = "owner@example.com") -> Client:
    browser = Client()
    form = {"login": email, "password": password}
    browser.post(reverse("account_login"), form)
    return browser


def test_signing_in_and_out_and_failing_to(seeded: SeedIds) -> None:
    person = User.objects.get(email="owner@example.com")
    person.set_password(PASSWORD)
    person.save()
    _sign_in("wrong-password-8").post(reverse("account_logout"))
    browser = _sign_in(PASSWORD)
    browser.post(reverse("account_logout"))
    failed, came, left = _views()[-3:]
    assert [one.action for one in (failed, came, left)] == [
        audit.SIGN_IN_FAILED,
        audit.SIGN_IN,
        audit.SIGN_OUT,
    ]
    assert failed.actor.kind == "portal"
    assert {one.subject.key for one in (failed, came, left)} == {f"person:{person.pk}"}
    assert came.actor.name == NAME


def _try(**credentials: str) -> None:
    assert authenticate(RequestFactory().post("/"), **credentials) is None


def test_a_failed_sign_in_holds_nothing_that_was_typed(seeded: SeedIds) -> None:
    _try(email="my-secret-password", password="x")
    (entry,) = Entry.objects.filter(action=audit.SIGN_IN_FAILED.id)
    assert (entry.chain, entry.subject_id, entry.subject_detail) == (0, "", "")


def test_many_failures_are_on_record_so_many_an_hour(
    seeded: SeedIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_700_000_000_000
    monkeypatch.setattr("portal.audit.writing.now_ms", lambda: now)
    monkeypatch.setattr(sign_in_record, "now_ms", lambda: now)
    monkeypatch.setattr(sign_in_record, "FAILURES_AN_HOUR", 3)
    failures = Entry.objects.filter(action=audit.SIGN_IN_FAILED.id)
    for _ in range(5):
        _try(email="owner@example.com", password="x")
    assert failures.count() == 3
    now += 3_600_001
    _try(email="owner@example.com", password="x")
    assert failures.count() == 4


def test_a_member_of_two_organizations_is_in_both_logs(seeded: SeedIds, owner: Client) -> None:
    person = User.objects.get(email="owner@example.com")
    other = Organization.objects.create(name="Second")
    Membership.objects.create(user=person, organization=other)
    make_sign_in_link(person.email)
    assert _last().action == audit.SIGN_IN_LINK
    assert [one.action for one in _views(other.pk)] == [audit.SIGN_IN_LINK]


def test_naming_an_operator_is_in_the_portals_own_log(seeded: SeedIds) -> None:
    name_operator("owner@example.com", operates=True)
    name_operator("owner@example.com", operates=False)
    assert [one.action for one in _views(0)][-2:] == [audit.OPERATOR_ADD, audit.OPERATOR_REMOVE]


def test_another_organization_learns_nothing(
    owner: Client, stranger: Client, seeded: SeedIds
) -> None:
    owner.post(address_of("device-edit", seeded), {"name": "Main", "kind": ""})
    foreign = Device.objects.get(pk=seeded.foreign_meter).gateway.site.organization
    assert not [one for one in _views(foreign.pk) if one.action == audit.DEVICE_EDIT]
    person = User.objects.get(email="stranger@example.com")
    assert not Entry.objects.visible_to(person).filter(action=audit.DEVICE_EDIT.id).exists()


def test_a_failed_sign_in_by_user_name_is_the_accounts(seeded: SeedIds) -> None:
    User.objects.filter(email="owner@example.com").update(user_name="Hanako")
    _sign_in("wrong-password-8", "hanako")
    assert _last().action == audit.SIGN_IN_FAILED


def test_a_lock_out_is_nobodys_act(seeded: SeedIds) -> None:
    for _ in range(5):
        _sign_in("wrong-password-8")
    assert (_last().action, _last().actor.kind) == (audit.SIGN_IN_LOCKED, "portal")
