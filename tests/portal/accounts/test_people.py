from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from portal.accounts.models import Organization, User
from portal.accounts.models.people import full_name

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
