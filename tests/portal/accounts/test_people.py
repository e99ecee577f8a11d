from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from portal.accounts.actions import AccountError, set_user_name
from portal.accounts.models import Organization, User
from portal.accounts.models.people import full_name
from portal.audit.models import Entry
from portal.audit.reading import views_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("family", "given", "language", "whole"),
    [
        ("青山", "花子", "en", "青山 花子"),
        ("Aoyama", "Hanako", "ja", "Aoyama Hanako"),
        ("Watson", "Mary", "en", "Mary Watson"),
        ("", "Demo", "en", "Demo"),
    ],
)
def test_the_full_name_stands_in_the_order_of_its_owner(
    family: str, given: str, language: str, whole: str
) -> None:
    assert full_name(family, given, language) == whole


@pytest.mark.database
def test_a_user_name_is_unique_without_regard_to_case_and_may_be_absent() -> None:
    for number in range(2):
        User.objects.create_user(f"p{number}@example.com")
    User.objects.create_user("a@example.com", user_name="Hanako")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("b@example.com", user_name="hANAKO")


@pytest.mark.parametrize("name", ["ab", "a@example.com", "花子さん", "a b c", "x" * 41])
def test_a_user_name_looks_like_no_email_address(name: str) -> None:
    user = User.objects.create_user("a@example.com", user_name=name)
    with pytest.raises(ValidationError):
        user.full_clean(exclude=("password",))


def test_each_organization_has_an_id_of_its_own() -> None:
    made = [Organization.objects.create(name=name).public_id for name in ("A", "B")]
    assert made[0] != made[1]


@pytest.mark.database
@pytest.mark.req("C-5", "C-12")
def test_an_operator_sets_a_user_name_with_which_its_owner_signs_in() -> None:
    hana = User.objects.create_user("hana@example.com", "Kettle-orbit-paper-9")
    set_user_name("Hana@Example.com", "Hana.Y")
    said = {"login": "hana.y", "password": "Kettle-orbit-paper-9"}
    assert Client().post(reverse("account_login"), said).status_code == 302
    entry = Entry.objects.filter(action="audit.person_edit")
    (changed,) = views_of(list(entry))[-1].fields
    assert (changed.name, changed.after) == ("user_name", "Hana.Y")
    assert entry.latest("pk").subject_id == str(hana.pk)
    User.objects.create_user("taro@example.com")
    with pytest.raises(AccountError, match="another user has"):
        set_user_name("taro@example.com", "hana.y")
    for wrong in ("ab", "h@na", "はな子", "x" * 41):
        with pytest.raises(AccountError, match="3 to 40"):
            set_user_name("taro@example.com", wrong)
    set_user_name("hana@example.com", "HANA.Y")
    set_user_name("hana@example.com", "")
    set_user_name("taro@example.com", "hana.y")
    names = User.objects.order_by("email").values_list("user_name", flat=True)
    assert list(names) == [None, "hana.y"]
