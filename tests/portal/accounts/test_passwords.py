"""One password policy for every type of account."""

from __future__ import annotations

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from portal.accounts.models import User
from portal.accounts.passwords import POLICY


def refused(password: str) -> set[str | None]:
    """The codes of what is wrong with a password of Hana's."""
    try:
        validate_password(password, User(email="hana.yamada@example.com"))
    except ValidationError as error:
        return {one.code for one in error.error_list}
    return set()


@pytest.mark.req("K-1")
@pytest.mark.parametrize(
    ("password", "codes"),
    [
        ("Aa3456789", {"password_too_short"}),
        ("Kettle-orb9", set()),
        ("Qx7" + "k" * 125, set()),
        ("Qx7" + "k" * 126, {"password_too_long"}),
        ("kettle-orbit-9", {"password_characters"}),
        ("KETTLE-ORBIT-9", {"password_characters"}),
        ("Kettle-orbit", {"password_characters"}),
        ("Kettle orbit 9 `~<>\"'あ", set()),
        ("Ärger über 9 Öfen", set()),
        ("Yamada1234", {"password_too_similar"}),
        ("Password123", {"password_too_common"}),
    ],
)
def test_the_policy_is_the_same_for_everybody(password: str, codes: set[str]) -> None:
    assert refused(password) == codes


@pytest.mark.req("K-1")
def test_the_policy_is_one_plain_sentence() -> None:
    assert str(POLICY).count(".") == 1
    for part in ("10 to 128", "upper-case", "lower-case", "digit", "symbols", "common passwords"):
        assert part in str(POLICY)
