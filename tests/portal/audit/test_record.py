from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection, transaction
from django.test import RequestFactory

from console.templates import audit
from console.text import Template
from portal.accounts.models import Organization, User
from portal.audit import record, signing, writing
from portal.audit.acting import command_line
from portal.audit.chain import FIRST, HASHED, commitment, entry_hash, head_content
from portal.audit.models import AppendOnlyError, Detail, Entry, Head

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def person() -> User:
    return User.objects.create_user("taro@example.com", family_name="山田", given_name="太郎")


@pytest.fixture
def organization() -> Organization:
    return Organization.objects.create(name="Aoyama Foods")


def _look(user: Any, subject: tuple[str, Any], method: str = "GET", **headers: str) -> Entry | None:
    request = RequestFactory().generic(method, "/", headers=headers)
    request.user = user
    return record.look(request, organization=1, subject=subject)


def test_an_entry_holds_ids_and_the_name_lies_beside_it(
    person: User, organization: Organization
) -> None:
    entry = record.record(
        audit.ORGANIZATION_EDIT,
        actor=person,
        organization=organization.pk,
        subject=("organization", organization.pk),
        before={"phone": "03-1111-2222"},
        after={"phone": "03-3333-4444"},
    )
    stored = {name: getattr(entry, name) for name in HASHED}
    assert (entry.sequence, entry.previous, entry.hash) == (1, FIRST, entry_hash(stored))
    assert (entry.actor_kind, entry.actor_id) == ("person", str(person.pk))
    assert "太郎" not in json.dumps(stored, ensure_ascii=False)
    name = Detail.objects.get(commitment=entry.actor_detail)
    assert name.text == "山田 太郎 (taro@example.com)"
    change = Detail.objects.get(commitment=entry.change_detail)
    assert json.loads(change.text) == {
        "before": {"phone": "03-1111-2222"},
        "after": {"phone": "03-3333-4444"},
    }
    for one in (name, change):
        of = {"role": one.role, "kind": one.kind, "thing_id": one.thing_id}
        assert one.commitment == commitment(**of, salt=one.salt, text=one.text)
    head = Head.objects.get(chain=organization.pk)
    content = head_content(chain=organization.pk, sequence=1, digest=entry.hash)
    assert signing.verifies(head.signature, content)
    assert not signing.verifies(head.signature, content + b" ")


def test_a_name_is_stored_once_until_it_changes(person: User, organization: Organization) -> None:
    def sign_in() -> Entry:
        return record.record(
            audit.SIGN_IN,
            actor=person,
            organization=organization.pk,
            subject=("person", person.pk),
        )

    first, second = sign_in(), sign_in()
    assert first.actor_detail == second.actor_detail == second.subject_detail
    assert second.previous == first.hash
    person.family_name, person.given_name = "佐藤", "太郎"
    person.save()
    third = sign_in()
    assert third.actor_detail != second.actor_detail
    assert [one.text.split()[0] for one in Detail.objects.all()] == ["山田", "佐藤"]


def test_each_organization_has_its_own_chain_and_the_portal_has_one(person: User) -> None:
    for organization in (7, None, 7, 8, None):
        record.record(audit.SIGN_IN, actor=person, organization=organization, subject=("log", ""))
    assert [(one.chain, one.sequence) for one in Entry.objects.all()] == [
        (0, 1),
        (0, 2),
        (7, 1),
        (7, 2),
        (8, 1),
    ]


def test_without_a_user_it_is_the_account_at_the_command_line_or_the_portal() -> None:
    of: dict[str, Any] = {"actor": None, "organization": None, "subject": ("log", "")}
    portal = record.record(audit.EXPORT, **of)
    with command_line():
        account = record.record(audit.EXPORT, **of)
    assert (portal.actor_kind, portal.actor_id, portal.actor_detail) == ("portal", "", "")
    assert account.actor_kind == "account"
    assert account.actor_id.isdecimal()
    assert record.record(audit.EXPORT, **{**of, "actor": AnonymousUser()}).actor_kind == "portal"


def test_what_was_not_committed_leaves_no_entry(person: User) -> None:
    def fails() -> None:
        with transaction.atomic():
            record.record(audit.SIGN_IN, actor=person, organization=1, subject=("log", ""))
            raise LookupError

    with pytest.raises(LookupError):
        fails()
    assert not Entry.objects.exists()
    assert not Head.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": Template("audit.sign_in", "a copy")},
        {"action": Template("fleet.name_empty", "x")},
        {"subject": ("devise", 1)},
        {"subject": ("device", "x" * 65)},
        {"acting_for": ("nobody", 1)},
        {"after": {"watts": 1.5}},
        {"after": {1: "x"}},
        {"after": {"x": object()}},
        {"after": {"x": ["y" * 900] * 100}},
    ],
)
def test_what_cannot_be_recorded_is_an_error_of_the_program(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {
        "action": audit.SIGN_IN,
        "actor": None,
        "organization": 1,
        "subject": ("device", 1),
    }
    with pytest.raises(ValueError, match=r"\w"):
        record.record(**{**right, **wrong})
    assert not Entry.objects.exists()


def test_a_hostile_name_is_stored_as_both_databases_can(organization: Organization) -> None:
    long = "機" * 3_000
    for name in ("\0", "\ud800", "=cmd|' /C calc'!A0", "<script>", "‮", long):
        record.record(
            audit.DEVICE_EDIT,
            actor=None,
            organization=organization.pk,
            subject=("device", 1),
            subject_name=name,
            after={"name": name, "list": [name]},
        )
    names = [one.text for one in Detail.objects.filter(role="name")]
    assert names[:2] == ["�", "?"]
    assert len(names[-1]) == writing.TEXT_LENGTH


def test_a_person_looks_at_a_thing_once_an_hour(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_700_000_000_000
    monkeypatch.setattr(record, "now_ms", lambda: now)
    assert _look(person, ("device", 1))
    assert _look(person, ("device", 1)) is None
    assert _look(person, ("device", 2))
    other = User.objects.create_user("hanako@example.com")
    assert _look(other, ("device", 1))
    now += 3_600_000
    assert _look(person, ("device", 1))
    assert Entry.objects.count() == 4
    assert {one.action for one in Entry.objects.all()} == {"audit.look"}


def test_a_poll_and_a_head_are_no_looks(person: User) -> None:
    assert _look(person, ("device", 1), **{"HX-Request": "true"}) is None
    assert _look(person, ("device", 1), "HEAD") is None
    assert _look(person, ("device", 1), "POST") is None
    assert _look(person, ("device", 1), **{"Sec-Purpose": "prefetch;prerender"}) is None
    assert _look(AnonymousUser(), ("device", 1)) is None
    assert _look(person, ("device", 1), **{"HX-Request": "true", "HX-Boosted": "true"})


def _entry() -> Entry:
    return record.record(audit.SIGN_IN, actor=None, organization=1, subject=("log", ""))


@pytest.mark.parametrize(
    "attempt",
    [
        lambda entry: entry.save(),
        lambda entry: entry.delete(),
        lambda _: Entry.objects.all().delete(),
        lambda _: Entry.objects.update(at_ms=0),
        lambda entry: Entry.objects.bulk_update([entry], ["at_ms"]),
        lambda entry: Entry.objects.bulk_create([entry], update_conflicts=True),
        lambda _: Detail.objects.update(text="x"),
        lambda _: Detail.objects.all().delete(),
    ],
)
def test_the_models_refuse_to_change_a_row(attempt: Callable[[Entry], Any]) -> None:
    entry = _entry()
    with pytest.raises(AppendOnlyError):
        attempt(entry)


STATEMENTS = [
    "UPDATE audit_entry SET at_ms = 0",
    "UPDATE audit_entry SET id = id + 1000",
    "DELETE FROM audit_entry",
    "DELETE FROM audit_detail",
    "UPDATE audit_detail SET text = 'x'",
    "UPDATE audit_detail SET erased_at_ms = 1",
    "UPDATE audit_detail SET erased_at_ms = 1, salt = '', text = '', kind = 'device'",
    "UPDATE audit_head SET sequence = 0",
    "DELETE FROM audit_head",
]
ON_SQLITE = [
    "INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry",
    "REPLACE INTO audit_head SELECT chain, 0, hash, signature, key FROM audit_head",
    "UPDATE OR REPLACE audit_entry SET sequence = 1",
]
ON_POSTGRESQL = [
    "TRUNCATE audit_entry",
    """INSERT INTO audit_head SELECT * FROM audit_head
    ON CONFLICT (chain) DO UPDATE SET sequence = 0""",
]


def test_the_database_refuses_to_change_a_row() -> None:
    with command_line():
        _entry()
    before = [list(model.objects.values()) for model in (Entry, Detail, Head)]
    own = ON_SQLITE if connection.vendor == "sqlite" else ON_POSTGRESQL
    for statement in [*STATEMENTS, *own]:
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert [list(model.objects.values()) for model in (Entry, Detail, Head)] == before


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_make_one_unbroken_chain() -> None:
    person = User.objects.create_user("taro@example.com")
    ready = threading.Barrier(6)
    faults: list[Exception] = []

    def write(number: int) -> None:
        try:
            ready.wait(30)
            for turn in range(10):
                with transaction.atomic():
                    record.record(
                        audit.DEVICE_EDIT,
                        actor=person,
                        organization=1 + turn % 2,
                        subject=("device", number),
                        after={"turn": turn},
                    )
        except Exception as error:  # noqa: BLE001 - the test reports it
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    for chain in (1, 2):
        entries = list(Entry.objects.filter(chain=chain))
        assert [one.sequence for one in entries] == list(range(1, 31))
        assert [one.previous for one in entries] == [FIRST, *(one.hash for one in entries[:-1])]
        assert Head.objects.get(chain=chain).hash == entries[-1].hash
