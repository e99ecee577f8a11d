"""People of the portal's tests: an administrator, a member, a stranger, and what they see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase
from django.utils import timezone

from portal import logs
from portal.log_budget import LogBudget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from portal.accounts.models import User
    from tests.portal.web.seed import SeedIds

PASSWORD = "kettle-orbit-paper-nine"


_OF_THE_SCHEMA: Final = {"django_content_type", "auth_permission", "django_migrations"}
"""Tables that the migrations fill, and nothing else."""


def _delete_rows(_: TransactionTestCase) -> None:
    """Empty the tables after a test that committed.

    Django's own flush truncates, which makes a hundred files on PostgreSQL, and then fills
    `_OF_THE_SCHEMA` again.
    """
    tables = set(connection.introspection.django_table_names(only_existing=True))
    with transaction.atomic(), connection.cursor() as cursor:
        for table in sorted(tables - _OF_THE_SCHEMA):
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")


@pytest.fixture(scope="session", autouse=True)
def _quick_flush() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", _delete_rows)
        yield


@pytest.fixture(autouse=True)
def _own_log_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test finds its own lines in the log, however many the others have logged of a box."""
    monkeypatch.setattr(logs, "budget", LogBudget())


@pytest.fixture
def seeded(db: None) -> SeedIds:
    from tests.portal.web.seed import seed

    return seed(timezone.now(), email="owner@example.com")


def _person(email: str, organization: str, role: str) -> User:
    from portal.accounts.actions import NewUser, add_user
    from portal.accounts.models import Role

    return add_user(
        NewUser(email=email, organization=organization, role=Role(role), password=PASSWORD)
    )


@pytest.fixture
def owner(seeded: SeedIds, client: Client) -> Client:
    """Signed in as the administrator of the seeded organization."""
    from portal.accounts.models import User

    client.force_login(User.objects.get(email="owner@example.com"))
    return client


@pytest.fixture
def member(seeded: SeedIds) -> Client:
    """Signed in as a member of the seeded organization."""
    from django.test import Client

    browser = Client()
    browser.force_login(_person("member@example.com", "Aoyama Foods", "member"))
    return browser


@pytest.fixture
def stranger(seeded: SeedIds) -> Client:
    """Signed in as an administrator of another organization."""
    from django.test import Client

    browser = Client()
    browser.force_login(_person("stranger@example.com", "Another Company", "administrator"))
    return browser
