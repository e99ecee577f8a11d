"""An organization's identity, its page and its invitations: what is refused and what is shown."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from portal.accounts.models import Decision, Invitation, Organization, Role, User
from portal.notifications.models import Mail
from tests.portal.accounts.joining_people import ORGANIZATION, last_mail, person, signed_in

pytestmark = pytest.mark.django_db
INVITED = {
    "email": "jiro@example.com",
    "family_name": "鈴木",
    "given_name": "次郎",
    "family_kana": "スズキ",
    "given_kana": "ジロウ",
    "role": "user",
    "language": "ja",
    "service": "on",
}


@pytest.fixture
def company() -> Organization:
    return Organization.objects.create(**ORGANIZATION)


@pytest.fixture
def boss(company: Organization) -> User:
    return person("boss@example.com", company, Role.ADMINISTRATOR)


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_user("operator@example.com", operates=True)


@pytest.mark.database
@pytest.mark.req("E-13", "K-7")
def test_the_operator_reads_the_reason_and_refuses_which_changes_nothing(
    company: Organization, boss: User, operator: User
) -> None:
    place = reverse("organization-change", args=[company.pk])
    wanted = {**ORGANIZATION, "name": "青山食品", "reason": "The company was renamed."}
    assert signed_in(boss).post(place, wanted).status_code == 302
    page = signed_in(operator).get(reverse("change-requests")).content.decode()
    for said in ("青山食品株式会社", "<b>青山食品</b>", "The company was renamed."):
        assert said in page
    asked = company.change_requests.get()
    decide = reverse("change-decide", args=[asked.pk])
    assert signed_in(operator).post(decide, {"decision": "refuse"}).status_code == 302
    company.refresh_from_db()
    assert {name: getattr(company, name) for name in ORGANIZATION} == ORGANIZATION
    assert last_mail("change_refused").recipient == boss.email
    assert signed_in(operator).post(decide, {"decision": "approve"}).status_code == 409
    assert signed_in(boss).post(place, wanted).status_code == 302, "it may be asked again"


@pytest.mark.req("E-13", "K-7")
def test_a_request_that_its_administrator_withdraws_cannot_be_approved(
    company: Organization, boss: User, operator: User
) -> None:
    place = reverse("organization-change", args=[company.pk])
    signed_in(boss).post(place, {**ORGANIZATION, "phone": "03-9999-9999"})
    asked = company.change_requests.get()
    assert signed_in(boss).post(place, {"action": "withdraw"}).status_code == 302
    asked.refresh_from_db()
    assert asked.decision == Decision.WITHDRAWN
    decide = reverse("change-decide", args=[asked.pk])
    assert signed_in(operator).post(decide, {"decision": "approve"}).status_code == 409
    company.refresh_from_db()
    assert company.phone == ORGANIZATION["phone"]


@pytest.mark.req("E-17")
@pytest.mark.parametrize(
    "name", ["email", "family_name", "given_name", "family_kana", "given_kana", "role", "service"]
)
def test_an_invitation_without_a_required_item_or_the_service_is_refused(
    company: Organization, boss: User, name: str
) -> None:
    place = reverse("member-invite", args=[company.pk])
    answer = signed_in(boss).post(place, {**INVITED, name: ""})
    assert answer.status_code == 200
    assert set(answer.context["form"].errors) == {name}
    assert not Invitation.objects.exists()
    assert not Mail.objects.exists()


@pytest.mark.req("E-17")
def test_the_form_of_an_invitation_has_the_service_ticked_and_the_roles(
    company: Organization, boss: User
) -> None:
    page = signed_in(boss).get(reverse("member-invite", args=[company.pk])).content.decode()
    (service,) = re.findall(r'<input[^>]*name="service"[^>]*>', page)
    assert " checked" in service
    assert {"administrator", "user"} <= set(re.findall(r'<option value="(\w+)"', page))


@pytest.mark.req("E-19")
def test_the_page_of_the_organization_says_what_identifies_it_and_who_belongs_to_it(
    company: Organization, boss: User
) -> None:
    member = person("member@example.com", company)
    page = signed_in(boss).get(reverse("organizations")).content.decode()
    facts = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for said in ("107-0062", "東京都", "港区", "南青山1-2-3 青山ビル4階", "03-1234-5678", "総務部"):
        assert said in facts
    assert f'<h2 id="organization-{company.pk}">青山食品株式会社</h2>' in page
    assert f'data-copy="{company.public_id}"' in page
    assert f'/invite?groupid={company.public_id}"' in page
    assert "Share it with all administrators." in facts
    assert f'href="{reverse("organizations")}">Refresh</a>' in page
    members = page.partition("<h3>Members</h3>")[2]
    for email in (boss.email, member.email):
        assert email in members
    other = person("other@example.com", Organization.objects.create(name="Elsewhere"))
    assert str(company.public_id) not in (
        signed_in(other).get(reverse("organizations")).content.decode()
    )
