"""The variables of the mail server, and what is said where they cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.environment.errors import SettingsError
from portal.environment.mail_server import MailServer, PasswordError
from tests.portal.variables import read_settings

FROM = {"KANMON_MAIL_FROM": "no-reply@example.com"}


@pytest.mark.parametrize(
    ("address", "host", "port", "tls", "starttls"),
    [
        ("smtps://mail.example.com", "mail.example.com", 465, True, False),
        ("smtp+starttls://mail.example.com", "mail.example.com", 587, False, True),
        ("smtp://127.0.0.1", "127.0.0.1", 25, False, False),
        ("smtp://[::1]:2525/", "::1", 2525, False, False),
    ],
)
def test_an_address_says_where_and_how_encrypted(
    address: str, host: str, port: int, tls: bool, starttls: bool
) -> None:
    found = read_settings({**FROM, "KANMON_MAIL_SERVER": address}).mail_server
    assert found == MailServer(host=host, port=port, tls=tls, starttls=starttls)


def test_without_an_address_there_is_no_mail_server() -> None:
    assert read_settings({}).mail_server is None
    assert read_settings({**FROM, "KANMON_MAIL_USER": "portal"}).mail_server is None


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("no-reply@example.com", ("Kanmon", "no-reply@example.com")),
        ("関門 <no-reply@example.com>", ("関門", "no-reply@example.com")),
    ],
)
def test_the_sender_may_have_a_name(text: str, sender: tuple[str, str]) -> None:
    assert read_settings({"KANMON_MAIL_FROM": text}).mail_from == sender


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"KANMON_MAIL_SERVER": "mail.example.com"}, "not the address of a mail server"),
        ({"KANMON_MAIL_SERVER": "smtps://a:hunter2@mail.example.com"}, "KANMON_MAIL_USER"),
        ({"KANMON_MAIL_SERVER": "smtps://mail.example.com:0"}, "not the address of a mail server"),
        ({"KANMON_MAIL_SERVER": "smtps://mail.example.com/x"}, "not the address of a mail server"),
        ({"KANMON_MAIL_SERVER": "smtps://mail.example.com:x"}, "host or its port is wrong"),
        ({"KANMON_MAIL_FROM": "no-reply"}, "'no-reply' is not an email address"),
        ({"KANMON_MAIL_FROM": "a@b@example.com"}, "is not an email address"),
        ({"KANMON_MAIL_FROM": "a@example.com, b@example.com"}, "is not an email address"),
        (
            {"KANMON_MAIL_FROM": "", "KANMON_MAIL_SERVER": "smtps://mail.example.com"},
            "Set KANMON_MAIL_FROM",
        ),
        (
            {"KANMON_MAIL_SERVER": "smtps://mail.example.com", "KANMON_MAIL_USER": "portal"},
            "no file with the password",
        ),
        (
            {
                "KANMON_MAIL_SERVER": "smtps://mail.example.com",
                "KANMON_MAIL_PASSWORD_FILE": "/run/secrets/mail",
            },
            "KANMON_MAIL_USER is not",
        ),
        (
            {
                "KANMON_MAIL_SERVER": "smtp://mail.example.com",
                "KANMON_MAIL_USER": "portal",
                "KANMON_MAIL_PASSWORD_FILE": "/run/secrets/mail",
            },
            "without encryption",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_to_write_instead(
    variables: dict[str, str], says: str
) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        read_settings({**FROM, **variables})
    assert "hunter2" not in str(caught.value)


def test_a_variable_that_is_wrong_is_the_only_one_that_is_named() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(
            {"KANMON_MAIL_FROM": "no-reply", "KANMON_MAIL_SERVER": "smtps://mail.example.com"}
        )
    assert caught.value.where == "KANMON_MAIL_FROM"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_password_that_cannot_be_read_is_told_without_it(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    server = MailServer(host="h", port=25, user="portal", password_file=path)
    with pytest.raises(PasswordError, match="cannot be read"):
        server.password()


def test_a_password_is_read_each_time_and_shown_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "password"
    server = MailServer(host="h", port=25, user="portal", password_file=path)
    for word in ("first", "second"):
        path.write_text(f"{word}\n")
        assert server.password() == word
    assert "second" not in repr(server)
    assert MailServer(host="h", port=25).password() == ""
