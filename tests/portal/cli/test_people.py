"""`kanmon-portal organization`, `document` and `user remove-second-factor`, as an operator runs."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from portal.environment.state_folder import PACKAGE
from tests import fork_server
from tests.portal.program import Portal

if TYPE_CHECKING:
    from pathlib import Path

OURS = ("--organization", "Aoyama Foods")
PLACE = ("--site", "Plant", "--time-zone", "Asia/Tokyo", "--gateway", "Room")


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Portal:
    """A portal with an organization, an administrator and a user of it."""
    made = Portal(tmp_path_factory.mktemp("portal") / "state")
    made.migrate()
    made.done("gateway", "add", *OURS, *PLACE, "--box", "b-aaaaaaaaaa")
    for name, role in (("hana", "administrator"), ("ken", "user")):
        words = ("--email", f"{name}@example.com", "--role", role, "--no-password")
        made.done("user", "add", *words, *OURS)
    return made


def rows(portal: Portal, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(portal.state / "db.sqlite3")) as database:
        return database.execute(query).fetchall()


def refused(portal: Portal, *words: str, code: int = 2) -> str:
    """What a command says that must be refused, without any trace of the program."""
    done = portal(*words)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_an_organization_gets_an_administrator_and_all_are_told(portal: Portal) -> None:
    words = ("organization", "administrator", "ken@example.com", *OURS)
    assert "ken@example.com is an administrator of Aoyama Foods" in portal.done(*words)
    query = (
        "SELECT u.email, m.role FROM accounts_membership m JOIN accounts_user u ON u.id = m.user_id"
    )
    assert dict(rows(portal, query)) == {
        "hana@example.com": "administrator",
        "ken@example.com": "administrator",
    }
    told = rows(
        portal, "SELECT recipient FROM notifications_mail WHERE name = 'administrator_named'"
    )
    assert {one for (one,) in told} == {"hana@example.com", "ken@example.com"}
    acted = rows(
        portal, "SELECT actor_kind FROM audit_entry WHERE action = 'audit.role_change' ORDER BY id"
    )
    assert acted[-1] == ("account",)
    answer = json.loads(portal.done(*words, "--json"))
    assert answer.keys() == {"user", "organization"}


def test_an_administrator_needs_an_account_and_an_organization(portal: Portal) -> None:
    command = ("organization", "administrator")
    said = refused(portal, *command, "nobody@example.com", *OURS)
    assert "nobody@example.com" in said
    assert "user add" in said
    said = refused(portal, *command, "ken@example.com", "--organization", "Aoyama")
    assert "'Aoyama'" in said
    assert "Aoyama Foods" in said, "those that exist"
    refused(portal, *command, "ken@example.com", code=3)
    refused(portal, *command, code=3)


@pytest.fixture
def texts(tmp_path: Path) -> tuple[str, ...]:
    """The options with a text in each language."""
    for language, text in (("english", "New terms.\n"), ("japanese", "新しい規約。\n")):
        (tmp_path / language).write_text(text, encoding="utf-8")
    return (
        *("--english", str(tmp_path / "english")),
        *("--japanese", str(tmp_path / "japanese")),
    )


@pytest.mark.req("K-5")
def test_a_document_is_published_as_its_next_version(
    portal: Portal, texts: tuple[str, ...]
) -> None:
    answers = [
        json.loads(portal.done("document", "publish", "terms", *texts, *words, "--json"))
        for words in ((), ("--region", "jp"), ("--region", "JP"))
    ]
    assert answers == [
        {"kind": "terms", "region": "", "version": 2},
        {"kind": "terms", "region": "JP", "version": 1},
        {"kind": "terms", "region": "JP", "version": 2},
    ]
    assert "version 3 is published" in portal.done("document", "publish", "terms", *texts)
    assert "第4版を公開しました" in portal.done(
        "--lang", "ja", "document", "publish", "terms", *texts
    )
    stored = rows(
        portal,
        "SELECT english, japanese FROM accounts_document WHERE region = 'JP' AND version = 2",
    )
    assert stored == [("New terms.", "新しい規約。")]
    acts = rows(portal, "SELECT id FROM audit_entry WHERE action = 'audit.document_publish'")
    assert len(acts) == 5


@pytest.mark.parametrize("language", ["english", "japanese"])
@pytest.mark.parametrize(
    ("content", "says"), [(b"", "is empty"), (b" \n\n", "is empty"), (b"\x93\xfa\x96{", "UTF-8")]
)
def test_a_document_without_a_readable_text_is_refused(
    portal: Portal,
    tmp_path: Path,
    texts: tuple[str, ...],
    language: str,
    content: bytes,
    says: str,
) -> None:
    before = rows(portal, "SELECT count(*) FROM accounts_document")
    (tmp_path / language).write_bytes(content)
    said = refused(portal, "document", "publish", "privacy", *texts)
    assert str(tmp_path / language) in said
    assert says in said
    assert "write the document as UTF-8 text" in said
    assert rows(portal, "SELECT count(*) FROM accounts_document") == before


def test_a_document_of_another_kind_or_country_is_refused(
    portal: Portal, tmp_path: Path, texts: tuple[str, ...]
) -> None:
    publish = ("document", "publish")
    refused(portal, *publish, "cookies", *texts, code=3)
    refused(portal, *publish, "terms", *texts[:2], code=3)
    refused(portal, *publish, "terms", *texts[:2], "--japanese", str(tmp_path / "none"), code=3)
    refused(portal, *publish, "terms", *texts, "--region", "JPN", code=3)
    for region in ("XX", "日本", "E1"):
        said = refused(portal, *publish, "terms", *texts, "--region", region)
        assert f"'{region}' is not the code of a country" in said
        assert "such as JP" in said


def test_the_second_factors_of_a_user_are_removed(portal: Portal) -> None:
    done = fork_server.run_text(
        "tests.portal.inside",
        "from allauth.mfa.models import Authenticator; from portal.accounts.models import User; "
        "user = User.objects.get(email='hana@example.com'); "
        "[Authenticator.objects.create(user=user, type=kind, data={}) "
        "for kind in ('totp', 'webauthn', 'recovery_codes')]",
        cwd=PACKAGE.parent,
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "KANMON_PORTAL_STATE": str(portal.state),
        },
    )
    assert done.returncode == 0, done.stderr
    words = ("user", "remove-second-factor", "hana@example.com")
    assert json.loads(portal.done(*words, "--json")) == {"email": "hana@example.com", "removed": 2}
    assert rows(portal, "SELECT count(*) FROM mfa_authenticator") == [(0,)]
    assert "of hana@example.com were removed" in portal.done(*words)
    acts = rows(portal, "SELECT actor_kind FROM audit_entry WHERE action = 'audit.factor_remove'")
    assert acts == [("account",)] * 2


def test_the_second_factors_of_who_has_no_account_are_not_removed(portal: Portal) -> None:
    said = refused(portal, "user", "remove-second-factor", "nobody@example.com")
    assert "nobody@example.com" in said
    assert "user add" in said
    refused(portal, "user", "remove-second-factor", code=3)
