"""People of the portal's tests: an administrator, a member, a stranger, and what they see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase
from django.utils import timezone

from portal import logs
from portal.log_budget import LogBudget
from tests.portal.audit.triggers import without_triggers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from portal.accounts.models import User
    from tests.portal.web.seed import SeedIds

PASSWORD = "Kettle-orbit-paper-9"


_OF_THE_SCHEMA: Final = {"django_content_type", "auth_permission", "django_migrations"}
"""Tables that the migrations fill, and nothing else."""


def _delete_rows(_: TransactionTestCase) -> None:
    """Empty the tables after a test that committed.

    Django's own flush truncates, which makes a hundred files on PostgreSQL, and then fills
    `_OF_THE_SCHEMA` again.
    """
    tables = set(connection.introspection.django_table_names(only_existing=True))
    with transaction.atomic(), without_triggers(), connection.cursor() as cursor:
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
        NewUser(
            email=email,
            organization=organization,
            role=Role(role),
            password=PASSWORD,
            family_name="Tanaka",
            given_name=email.partition("@")[0],
            consent_given=True,
        )
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
    browser.force_login(_person("member@example.com", "Aoyama Foods", "user"))
    return browser


@pytest.fixture
def installer(seeded: SeedIds) -> Client:
    """Signed in as an installer of the seeded organization."""
    from django.test import Client

    browser = Client()
    browser.force_login(_person("installer@example.com", "Aoyama Foods", "installer"))
    return browser


@pytest.fixture
def billing(seeded: SeedIds) -> Client:
    """Signed in as a person of the seeded organization who bills."""
    from django.test import Client

    browser = Client()
    browser.force_login(_person("billing@example.com", "Aoyama Foods", "billing"))
    return browser


@pytest.fixture
def operator(seeded: SeedIds) -> Client:
    """Signed in as an operator of the portal, who belongs to no organization."""
    from django.test import Client

    from portal.accounts import documents
    from portal.accounts.models import User

    names = {"family_name": "Tanaka", "given_name": "Operator"}
    user = User.objects.create_user("operator@example.com", operates=True, **names)
    documents.accept(user, documents.outstanding(user), language="en")
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture
def stranger(seeded: SeedIds) -> Client:
    """Signed in as an administrator of another organization."""
    from django.test import Client

    browser = Client()
    browser.force_login(_person("stranger@example.com", "Another Company", "administrator"))
    return browser
