"""Agent keys as the portal issues them."""

from __future__ import annotations

import os
import pwd
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from portal.accounts.models import Organization, User
from portal.authority import keys, qr_code, roots
from portal.authority.errors import AuthorityError
from portal.authority.keys import Author, KeyRequest, issue_key
from portal.authority.models import AgentKey, Root
from provisioning import agent_key
from tests.portal.authority.conftest import CLAIM_URL

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.database, pytest.mark.django_db]

WANTED = KeyRequest(organization="Aoyama Foods", site="Plant", gateway="Plant room")
BY = Author(name="kanmon (kanmon-portal)")


def test_a_key_names_the_root_the_address_and_its_row(authority: Path) -> None:
    issued = issue_key(WANTED, BY)
    key = agent_key.parse(issued.text)
    row = AgentKey.objects.get()
    assert key.id == issued.key_id == row.key_id
    assert key.address == CLAIM_URL
    assert key.pin == agent_key.pin_of(roots.load(Root.BOXES).spki)
    assert row.secret_digest == key.secret_digest
    assert timedelta(days=6, hours=23) < row.expires_at - timezone.now() <= timedelta(days=7)
    assert keys.state_of(row) == "open"


def test_the_table_does_not_hold_what_would_open_the_door(authority: Path) -> None:
    issued = issue_key(WANTED, BY)
    kept = str(list(AgentKey.objects.values()))
    assert issued.text not in kept
    assert agent_key.parse(issued.text).secret.hex() not in kept


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (KeyRequest(organization="A", site="B", uses=0), "1 to 1000"),
        (KeyRequest(organization="A", site="B", uses=1001), "1 to 1000"),
        (KeyRequest(organization="A", site="B", life=timedelta()), "from 1 to 90 days"),
        (KeyRequest(organization="A", site="B", life=timedelta(days=91)), "from 1 to 90 days"),
        (KeyRequest(organization="A", site="B", gateway="C", uses=2), "one gateway"),
    ],
)
def test_what_cannot_be_issued_is_told(authority: Path, wanted: KeyRequest, says: str) -> None:
    with pytest.raises(AuthorityError, match=says):
        issue_key(wanted, BY)
    assert not AgentKey.objects.exists()
    assert not Organization.objects.exists()


def test_what_the_model_does_not_take_is_told(authority: Path) -> None:
    with pytest.raises(AuthorityError) as refused:
        issue_key(WANTED, Author(name="x" * 401))
    assert refused.value.what == keys.INVALID_KEY()
    assert refused.value.why == keys.INVALID_FIELD(field="issued by name")
    assert refused.value.next_step
    assert not Organization.objects.exists()


def test_without_an_authority_there_is_no_key(db: None, state: Path) -> None:
    with pytest.raises(AuthorityError, match="authority init"):
        issue_key(WANTED, BY)
    assert not Organization.objects.exists()


def test_a_key_can_be_withdrawn_once(authority: Path) -> None:
    issued = issue_key(WANTED, BY)
    assert keys.revoke_key(issued.key_id.lower())
    assert not keys.revoke_key(issued.key_id)
    assert keys.state_of(AgentKey.objects.get()) == "revoked"
    with pytest.raises(AuthorityError, match="key list"):
        keys.revoke_key("ABCDEFGH")


def test_the_codes_are_drawn(authority: Path, tmp_path: Path) -> None:
    issued = issue_key(WANTED, BY)
    assert len(qr_code.terminal(issued.text).splitlines()) > 15
    path = tmp_path / "key.svg"
    qr_code.write_svg(issued.text, path)
    assert b"<svg" in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600


def test_who_issued_a_key_stays_on_record_when_the_person_is_gone(authority: Path) -> None:
    person = User.objects.create_user("hanako@example.com", family_name="青山", given_name="花子")
    issue_key(WANTED, Author.of(person))
    person.delete()
    row = AgentKey.objects.get()
    assert (row.issued_by, row.issued_by_name) == (None, "青山 花子 (hanako@example.com)")


def test_on_the_command_line_the_account_is_recorded(authority: Path) -> None:
    issue_key(WANTED, Author.from_command_line())
    account = pwd.getpwuid(os.getuid()).pw_name
    assert AgentKey.objects.get().issued_by_name == f"{account} (kanmon-portal)"
