from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.apps.registry import Apps

BEFORE = [("accounts", "0003_sign_in_tries"), ("account", "0009_emailaddress_unique_primary_email")]
AFTER = [("accounts", "0006_unique_public_id")]


def _migrate(targets: list[tuple[str, str]]) -> Apps:
    MigrationExecutor(connection).migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


@pytest.fixture
def _all_migrations(transactional_db: None) -> Iterator[None]:
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.database
@pytest.mark.usefixtures("_all_migrations")
def test_people_keep_name_role_and_address_through_the_migrations() -> None:
    people = [
        ("青山 花子", "en", ("青山", "花子")),
        ("Aoyama Hanako", "ja", ("Aoyama", "Hanako")),
        ("Mary Jane Watson", "en", ("Watson", "Mary Jane")),
        ("Demo", "en", ("", "Demo")),
        ("", "ja", ("", "")),
    ]
    old: Any = _migrate(BEFORE)
    for number, (name, language, _) in enumerate(people):
        user = old.get_model("accounts", "User").objects.create(
            email=f"p{number}@example.com", name=name, language=language
        )
        organization = old.get_model("accounts", "Organization").objects.create(name=f"O {number}")
        old.get_model("accounts", "Membership").objects.create(
            user=user, organization=organization, role="member"
        )
    new: Any = _migrate(AFTER)
    for number, (_, _, parts) in enumerate(people):
        person = new.get_model("accounts", "User").objects.get(email=f"p{number}@example.com")
        assert (person.family_name, person.given_name) == parts
        addresses = new.get_model("account", "EmailAddress").objects
        assert addresses.get(user_id=person.pk, primary=True, verified=True).email == person.email
    members = new.get_model("accounts", "Membership").objects
    assert set(members.values_list("role", flat=True)) == {"user"}
    ids = new.get_model("accounts", "Organization").objects.values_list("public_id", flat=True)
    assert len(set(ids)) == len(people)
