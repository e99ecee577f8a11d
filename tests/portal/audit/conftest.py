"""A portal with a state folder of its own, and a chain with everything that a chain can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from django.test import RequestFactory

from console.templates import audit
from portal.accounts.models import User
from portal.audit import anchors, record
from portal.audit.erasure import erase_names
from portal.audit.models import Head
from portal.audit.writing import signed_head

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

CHAIN: Final = 7
OTHER: Final = 8


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, settings: Settings) -> None:
    settings.STATE = tmp_path


def keep_heads() -> None:
    """Keep the heads as they are now outside the database, as each commit does."""
    for head in Head.objects.all():
        anchors.keep(signed_head(head))


@pytest.fixture
def chain(db: None) -> int:
    """The number of a chain with everything that a chain can hold; another one is beside it."""
    taro = User.objects.create_user("taro@example.com", family_name="山田", given_name="太郎")
    hanako = User.objects.create_user("hanako@example.com")
    for turn in range(4):
        for number in (CHAIN, OTHER):
            record.record(
                audit.DEVICE_EDIT,
                actor=(taro, hanako)[turn % 2],
                organization=number,
                subject=("device", turn % 2),
                subject_name="複合機",
                before={"location": f"{turn}F"},
                after={"location": f"{turn + 1}F"},
            )
    request = RequestFactory().get("/")
    request.user = taro
    record.look(request, organization=CHAIN, subject=("device", 1))
    record.record(
        audit.PERSON_EDIT,
        actor=hanako,
        organization=CHAIN,
        subject=("person", hanako.pk),
        before={"name": ""},
        after={"name": "鈴木 花子"},
    )
    erase_names(("person", hanako.pk), actor=None)
    record.record(audit.SIGN_IN, actor=taro, organization=CHAIN, subject=("person", taro.pk))
    keep_heads()
    return CHAIN
