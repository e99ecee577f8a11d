from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts import joining, membership
from portal.accounts.actions import AccountError, make_sign_in_link
from portal.accounts.models import (
    Decision,
    Invitation,
    InvitationState,
    JoinRequest,
    Membership,
    Organization,
    Role,
    User,
)
from portal.audit.models import Entry
from portal.authority.models import AgentKey
from portal.fleet.models import Site
from portal.notifications import outbox
from portal.notifications.models import Mail
from tests.portal.accounts.joining_people import (
    NAMES,
    PASSWORD,
    accepts,
    confirms,
    enters,
    last_mail,
    person,
    signed_in,
    signed_in_at,
    signs_up,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db
FORM = {
    "email": "Jiro@Example.com",
    "family_name": "鈴木",
    "given_name": "次郎",
    "family_kana": "スズキ",
    "given_kana": "ジロウ",
    "role": "administrator",
    "language": "ja",
    "service": "on",
}


@pytest.fixture
def company() -> Organization:
    return Organization.objects.create(name="青山食品株式会社", country="JP", city="港区")


@pytest.fixture
def boss(company: Organization) -> User:
    return person("boss@example.com", company, Role.ADMINISTRATOR)


def _invite(boss: User, company: Organization, **other: str) -> Invitation:
    answer = signed_in(boss).post(reverse("member-invite", args=[company.pk]), {**FORM, **other})
    assert answer.status_code == 302
    return Invitation.objects.latest("pk")


def _link() -> str:
    url: str = last_mail("invitation").context["url"]
    return "/" + url.split("/", 3)[3]


@pytest.mark.database
@pytest.mark.req("E-8", "E-17", "E-18", "K-8")
def test_an_invited_person_signs_up_without_name_and_organization_steps(
    company: Organization, boss: User
) -> None:
    invitation = _invite(boss, company)
    page = signed_in(boss).get(reverse("organizations")).content.decode()
    assert "招待中" in page or "Invited" in page
    assert "鈴木 次郎" in page
    browser = Client()
    assert browser.get(_link()).status_code == 200
    assert Invitation.objects.get().state == InvitationState.INVITED
    assert browser.post(_link(), {"action": "sign-up"})["Location"] == reverse("sign-up")
    accepts(browser)
    form = browser.get(reverse("sign-up-account")).content.decode()
    assert "jiro@example.com" in form
    enters(browser, "another@example.com")
    assert last_mail("sign_up_code").recipient == "jiro@example.com"
    confirms(browser)
    user = User.objects.get(email="jiro@example.com")
    assert (user.name, user.family_kana) == ("鈴木 次郎", "スズキ")
    assert browser.get(reverse("overview"))["Location"] == reverse("welcome")
    done = browser.post(reverse("welcome"), {**NAMES, "family_name": "鈴木", "given_name": "次郎"})
    assert done["Location"] == reverse("overview")
    assert browser.get(reverse("overview")).status_code == 200
    assert company.memberships.get(user=user).role == Role.ADMINISTRATOR
    invitation.refresh_from_db()
    assert (invitation.state, invitation.accepted_by) == (InvitationState.ACCEPTED, user)
    assert last_mail("invitation_accepted").recipient == boss.email
    assert Client().get(_link()).status_code == 410


@pytest.mark.req("E-18")
def test_a_person_with_an_account_signs_in_and_accepts(company: Organization, boss: User) -> None:
    other = Organization.objects.create(name="Elsewhere")
    jiro = person("jiro@example.com", other)
    _invite(boss, company, role="installer")
    browser = Client()
    assert browser.post(_link(), {"action": "sign-in"})["Location"] == reverse("account_login")
    browser.force_login(jiro)
    assert browser.post(_link(), {"action": "accept"}).status_code == 302
    assert company.memberships.get(user=jiro).role == Role.INSTALLER
    assert browser.post(_link(), {"action": "accept"}).status_code == 410


def test_an_invitation_is_for_the_invited_address_alone(company: Organization, boss: User) -> None:
    other = person("eve@example.com", Organization.objects.create(name="Elsewhere"))
    _invite(boss, company)
    browser = signed_in(other)
    assert "jiro@example.com" in browser.get(_link()).content.decode()
    assert browser.post(_link(), {"action": "accept"}).status_code == 410
    assert not company.memberships.filter(user=other).exists()


def test_an_invitation_is_resent_withdrawn_and_expires(company: Organization, boss: User) -> None:
    invitation = _invite(boss, company)
    first, browser = _link(), signed_in(boss)
    assert browser.post(reverse("invitation-resend", args=[invitation.pk])).status_code == 302
    assert Client().get(first).status_code == 410
    assert Client().get(_link()).status_code == 200
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Invitation.objects.get().state == InvitationState.EXPIRED
    assert Client().get(_link()).status_code == 410
    browser.post(reverse("invitation-resend", args=[invitation.pk]))
    assert Client().get(_link()).status_code == 200
    browser.post(reverse("invitation-withdraw", args=[invitation.pk]))
    assert Invitation.objects.get().state == InvitationState.WITHDRAWN
    assert Client().get(_link()).status_code == 410
    again = browser.post(reverse("invitation-resend", args=[invitation.pk]))
    assert again.status_code == 409
    assert _invite(boss, company).state == InvitationState.INVITED


def test_nobody_is_invited_twice_or_as_a_member(company: Organization, boss: User) -> None:
    _invite(boss, company)
    browser = signed_in(boss)
    place = reverse("member-invite", args=[company.pk])
    assert browser.post(place, FORM).status_code == 409
    assert browser.post(place, {**FORM, "email": boss.email}).status_code == 409
    assert (
        browser.post(place, {**FORM, "email": "x@example.com", "role": "owner"}).status_code == 200
    )
    assert Invitation.objects.count() == 1


@pytest.mark.database
@pytest.mark.req("E-19", "E-20", "K-8")
def test_joining_waits_for_an_administrator(company: Organization, boss: User) -> None:
    browser = signs_up("taro@example.com")
    browser.post(reverse("welcome"), NAMES)
    shown = signed_in(boss).get(reverse("organizations")).content.decode()
    assert f'data-copy="{company.public_id}"' in shown
    assert f'/invite?groupid={company.public_id}"' in shown
    found = browser.get(reverse("organization-join"), {"organization": str(company.public_id)})
    assert company.name in found.content.decode()
    wrong = browser.get(
        reverse("organization-join"), {"organization": "00000000-0000-4000-8000-000000000000"}
    )
    assert wrong.status_code == 404
    form = {"organization": str(company.public_id)}
    assert browser.post(reverse("organization-join"), form)["Location"] == reverse("start")
    browser.post(reverse("organization-join"), form)
    asked = JoinRequest.objects.get()
    assert last_mail("join_request").recipient == boss.email
    assert browser.get(reverse("overview"))["Location"] == reverse("start")
    answer = signed_in(boss).post(
        reverse("join-decide", args=[asked.pk]), {"decision": "approve", "role": "billing"}
    )
    assert answer.status_code == 302
    assert company.memberships.get(user=asked.user).role == Role.BILLING
    assert browser.get(reverse("start"))["Location"] == reverse("overview")
    late = signed_in(boss).post(reverse("join-decide", args=[asked.pk]), {"decision": "refuse"})
    assert late.status_code == 409
    assert company.memberships.filter(user=asked.user).exists()


def test_the_invitation_url_leads_through_the_sign_up(company: Organization, boss: User) -> None:
    browser = Client()
    place = f"{reverse('invite')}?groupid={company.public_id}"
    assert company.name not in browser.get(place).content.decode()
    signs_up("taro@example.com", browser=browser)
    browser.post(reverse("welcome"), NAMES)
    found = browser.get(place)["Location"]
    assert company.name in browser.get(found).content.decode()


def test_a_refused_or_withdrawn_request_opens_nothing(company: Organization, boss: User) -> None:
    taro = User.objects.create_user("taro@example.com")
    asked = joining.request_join(taro, company)
    joining.decide_join(boss, asked, approve=False)
    assert last_mail("join_refused").recipient == taro.email
    again = joining.request_join(taro, company)
    browser = signed_in(taro)
    assert browser.post(reverse("join-withdraw", args=[again.pk])).status_code == 302
    again.refresh_from_db()
    assert again.decision == Decision.WITHDRAWN
    with pytest.raises(AccountError):
        joining.decide_join(boss, again, approve=True)
    assert not taro.memberships.exists()


@pytest.mark.req("E-13", "K-7")
def test_identity_is_changed_by_a_request_to_the_operator(
    company: Organization, boss: User
) -> None:
    operator = User.objects.create_user("operator@example.com", operates=True)
    place = reverse("organization-change", args=[company.pk])
    browser = signed_in(boss)
    values = {
        "name": "青山食品",
        "country": "JP",
        "postal_code": "107-0062",
        "prefecture": "東京都",
    }
    values |= {"city": "港区", "street": "1-2-3", "phone": "03-1234-5678"}
    assert browser.post(place, values).status_code == 302
    company.refresh_from_db()
    assert company.name == "青山食品株式会社"
    assert browser.post(place, values).status_code == 409
    asked = company.change_requests.get()
    assert "city" not in asked.changes
    assert last_mail("change_request").recipient == operator.email
    decide = reverse("change-decide", args=[asked.pk])
    assert browser.post(decide, {"decision": "approve"}).status_code == 403
    assert signed_in(operator).post(decide, {"decision": "approve"}).status_code == 302
    company.refresh_from_db()
    assert (company.name, company.phone) == ("青山食品", "03-1234-5678")
    assert last_mail("change_approved").recipient == boss.email
    assert signed_in(operator).post(decide, {"decision": "refuse"}).status_code == 409


@pytest.mark.req("E-14", "E-15")
def test_a_sole_administrator_is_told_to_invite_another_and_cannot_leave(
    company: Organization, boss: User
) -> None:
    browser = signed_in(boss)
    own = boss.memberships.get()
    invite = reverse("member-invite", args=[company.pk])
    page = browser.get(reverse("organizations")).content.decode()
    assert f'class="secondary" href="{invite}">招待' in page or "Invite</a>" in page
    role = reverse("member-role", args=[own.pk])
    assert browser.post(role, {"role": "user"}).status_code == 409
    assert browser.post(reverse("member-remove", args=[own.pk])).status_code == 409
    second = person("second@example.com", company)
    browser.post(
        reverse("member-role", args=[second.memberships.get().pk]), {"role": "administrator"}
    )
    assert "one administrator" not in browser.get(reverse("organizations")).content.decode()
    assert browser.post(role, {"role": "user"}).status_code == 302
    own.refresh_from_db()
    assert own.role == Role.USER


def test_a_deactivated_administrator_does_not_count(company: Organization, boss: User) -> None:
    second = person("second@example.com", company, Role.ADMINISTRATOR)
    User.objects.filter(pk=second.pk).update(is_active=False)
    with pytest.raises(AccountError):
        membership.remove(boss, boss.memberships.get())


@pytest.mark.database
def test_a_removed_person_is_out_at_once_and_everything_is_settled(
    company: Organization, boss: User
) -> None:
    taro = person("taro@example.com", company, Role.ADMINISTRATOR)
    make_sign_in_link(taro.email)
    site = Site.objects.create(organization=company, name="Kawasaki", time_zone="Asia/Tokyo")
    for number, used in enumerate((0, 1)):
        AgentKey.objects.create(
            key_id=f"KEYTEST{number}",
            secret_digest="0" * 64,
            site=site,
            uses=1,
            used=used,
            issued_by=taro,
            expires_at=timezone.now() + timedelta(days=5),
        )
    _invite(taro, company)
    with transaction.atomic():
        waiting = outbox.send(
            "membership_ended", to=taro.email, language="ja", context={"organization": "x"},
            person=taro.pk, organization=company.pk,
        )  # fmt: skip
    browser, other = signed_in(taro), signed_in(taro)
    assert browser.get(reverse("overview")).status_code == 200
    member = taro.memberships.get()
    page = signed_in(boss).get(reverse("member-remove", args=[member.pk])).content.decode()
    assert page.count("<li>") >= 6
    assert "1 mail that waits for this person is not sent." in page
    answer = signed_in(boss).post(reverse("member-remove", args=[member.pk]))
    assert answer.status_code == 302
    for each in (browser, other):
        assert each.get(reverse("overview"))["Location"].startswith(reverse("account_login"))
    poll = signed_in(boss).get(reverse("overview"))
    assert poll.status_code == 200
    assert not taro.sign_in_links.exists()
    assert not AgentKey.objects.filter(revoked_at=None, used=0).exists()
    assert AgentKey.objects.get(used=1).revoked_at is None
    assert Invitation.objects.get().state == InvitationState.WITHDRAWN
    assert last_mail("membership_ended").recipient == taro.email
    assert not Mail.objects.filter(pk=waiting.pk).exists()
    assert Entry.objects.filter(action="audit.person_remove").count() == 1
    sign_in = Client()
    sign_in.post(reverse("account_login"), {"login": taro.email, "password": PASSWORD})
    assert sign_in.get(reverse("overview"))["Location"] == reverse("start")


@pytest.mark.parametrize(
    "name", ["member-role", "member-remove", "member-invite", "organization-change"]
)
@pytest.mark.parametrize("role", [Role.USER, Role.INSTALLER, Role.BILLING])
def test_only_administrators_manage_members(
    name: str, role: Role, company: Organization, boss: User
) -> None:
    taro = person("taro@example.com", company, role)
    named = boss.memberships.get().pk if name.startswith("member-r") else company.pk
    answer = signed_in(taro).post(reverse(name, args=[named]), {**FORM, "role": "user"})
    assert answer.status_code == 404
    assert boss.memberships.get().role == Role.ADMINISTRATOR


@pytest.mark.parametrize(
    "name",
    ["member-role", "member-remove", "member-invite", "join-decide", "key-revoke", "change-decide"],
)
def test_who_shares_access_or_takes_it_away_has_just_shown_the_password(
    name: str, company: Organization, boss: User
) -> None:
    taro, hanako = person("taro@example.com", company), person("hanako@example.com", company)
    User.objects.filter(pk=boss.pk).update(operates=True)
    boss.refresh_from_db()
    site = Site.objects.create(organization=company, name="Kawasaki", time_zone="Asia/Tokyo")
    key = AgentKey.objects.create(
        key_id="KEYTEST", secret_digest="0" * 64, site=site, uses=1, issued_by=boss,
        expires_at=timezone.now() + timedelta(days=5),
    )  # fmt: skip
    join = JoinRequest.objects.create(user=hanako, organization=company)
    change = company.change_requests.create(requested_by=taro, changes={"name": "Aoyama"})
    member = taro.memberships.get().pk
    named = {
        "member-role": member,
        "member-remove": member,
        "member-invite": company.pk,
        "join-decide": join.pk,
        "key-revoke": key.pk,
        "change-decide": change.pk,
    }[name]
    form = {**FORM, "role": "installer", "decision": "approve"}
    browser = signed_in(boss)

    def state() -> object:
        rows = Membership.objects.order_by("pk").values_list("pk", "user_id", "role")
        decided = [JoinRequest.objects.get().decision, company.change_requests.get().decision]
        return list(rows), decided, Invitation.objects.count(), AgentKey.objects.get().revoked_at

    before = state()
    signed_in_at(browser, time.time() - 3_600)
    asked = browser.post(reverse(name, args=[named]), form)
    assert asked.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert state() == before
    done = browser.post(asked.headers["Location"], {"password": PASSWORD}, follow=True)
    assert done.status_code == 200
    assert state() != before, "what was asked for is done once the password was shown"


def test_billing_reads_usage_and_nothing_else(company: Organization, boss: User) -> None:
    site = Site.objects.create(organization=company, name="Kawasaki", time_zone="Asia/Tokyo")
    taro = person("taro@example.com", company, Role.BILLING)
    browser = signed_in(taro)
    assert browser.get(reverse("overview"))["Location"] == reverse("usage")
    page = browser.get(reverse("usage")).content.decode()
    assert reverse("site-usage", args=[site.pk]) in page
    assert browser.get(reverse("site-usage", args=[site.pk])).status_code == 200
    assert browser.get(reverse("site", args=[site.pk])).status_code == 404
    for name in ("devices", "gateways", "sites", "operation", "keys"):
        assert browser.get(reverse(name)).status_code == 403, name


@pytest.mark.database
def test_an_operator_recovers_an_organization(company: Organization, boss: User) -> None:
    User.objects.filter(pk=boss.pk).update(is_active=False)
    taro = person("taro@example.com", company)
    membership.recover(taro.email, company)
    assert company.memberships.get(user=taro).role == Role.ADMINISTRATOR
    assert {mail.recipient for mail in Mail.objects.filter(name="administrator_named")} == {
        taro.email,
        boss.email,
    }
    entry = Entry.objects.get(action="audit.role_change")
    assert entry.actor_kind in {"account", "portal"}  # no person: a command did it
    with pytest.raises(AccountError):
        membership.recover("nobody@example.com", company)


def _at_once(*acts: Callable[[], object]) -> list[BaseException | None]:
    """Do all acts at the same moment, each with a connection of its own; what each raised."""
    barrier = threading.Barrier(len(acts))
    raised: list[BaseException | None] = [None] * len(acts)

    def run(number: int, act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            act()
        except (AccountError, PermissionDenied) as error:
            raised[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
@pytest.mark.req("E-14")
@pytest.mark.parametrize("how", ["each-other", "themselves", "roles"])
def test_one_administrator_is_left_whatever_two_do_at_once(how: str) -> None:
    company = Organization.objects.create(name="O")
    pair = [person(f"{name}@example.com", company, Role.ADMINISTRATOR) for name in ("a", "b")]
    members = [user.memberships.get() for user in pair]
    every: dict[str, list[Callable[[], object]]] = {
        "each-other": [
            lambda: membership.remove(pair[0], members[1]),
            lambda: membership.remove(pair[1], members[0]),
        ],
        "themselves": [
            lambda: membership.remove(pair[0], members[0]),
            lambda: membership.remove(pair[1], members[1]),
        ],
        "roles": [
            lambda: membership.change_role(pair[0], members[1], Role.USER),
            lambda: membership.change_role(pair[1], members[0], Role.USER),
        ],
    }
    raised = _at_once(*every[how])
    assert sum(error is not None for error in raised) == 1
    left = Membership.objects.filter(organization=company, role=Role.ADMINISTRATOR)
    assert left.count() == 1


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_an_invitation_is_accepted_once_by_two_tabs() -> None:
    company = Organization.objects.create(name="O", country="DE")
    boss = person("boss@example.com", company, Role.ADMINISTRATOR)
    jiro = User.objects.create_user("jiro@example.com")
    values = {**FORM, "email": jiro.email, "role": Role.USER}
    membership.invite(boss, company, values)
    token = _link().split("/")[2]
    accepted: list[Membership | None] = []
    _at_once(*[lambda: accepted.append(membership.accept(jiro, token)) for _ in range(2)])
    assert sorted(one is not None for one in accepted) == [False, True]
    assert company.memberships.filter(user=jiro).count() == 1
