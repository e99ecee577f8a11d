"""The connection to the mail server: TLS, signing in, and what is wrong with either."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core import mail as django_mail
from django.db import transaction

from portal.environment.mail_server import MailServer
from portal.notifications import outbox
from portal.notifications.delivery import deliver_due
from portal.notifications.direct_mail import DirectMailError
from portal.notifications.models import Mail, MailState
from tests.mail_server import mail_server

if TYPE_CHECKING:
    from pathlib import Path

    from aiosmtpd.smtp import SMTP, Envelope, Session
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("kettle-orbit\n")
    return path


def authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    assert isinstance(data, LoginPassword)
    right = (data.login, data.password) == (b"portal", b"kettle-orbit")
    return AuthResult(success=right, handled=False)


def send() -> Mail:
    with transaction.atomic():
        return outbox.send("test", to="hana@example.com", language="en", context={})


def test_a_server_with_starttls_and_a_user_gets_the_mail_encrypted(
    settings: Settings,
    context: ssl.SSLContext,
    certificate: Path,
    password: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    send()
    with mail_server(
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    ) as peer:
        settings.MAIL_SERVER = MailServer(
            host="127.0.0.1",
            port=peer.port,
            starttls=True,
            user="portal",
            password_file=password,
        )
        done = deliver_due()
    assert (done.sent, done.error) == (1, "")
    assert len(peer.received) == 1


def test_a_wrong_password_defers_the_mail_and_names_the_servers_answer(
    settings: Settings,
    context: ssl.SSLContext,
    certificate: Path,
    password: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    password.write_text("wrong\n")
    mail = send()
    with mail_server(tls_context=context, authenticator=authenticate) as peer:
        settings.MAIL_SERVER = MailServer(
            host="127.0.0.1",
            port=peer.port,
            starttls=True,
            user="portal",
            password_file=password,
        )
        done = deliver_due()
    assert (done.sent, done.refused, done.deferred) == (0, 0, 1)
    assert "535" in done.error
    assert "wrong" not in done.error
    mail.refresh_from_db()
    assert mail.state == MailState.WAITING


@pytest.mark.parametrize("starttls", [True, False])
def test_a_certificate_that_is_not_trusted_and_a_server_without_tls_get_no_mail(
    settings: Settings, context: ssl.SSLContext, starttls: bool
) -> None:
    send()
    options = {"tls_context": context} if starttls else {}
    with mail_server(**options) as peer:
        settings.MAIL_SERVER = MailServer(host="127.0.0.1", port=peer.port, starttls=True)
        done = deliver_due()
    assert (done.sent, done.deferred) == (0, 1)
    assert ("certificate" if starttls else "STARTTLS") in done.error
    assert peer.received == []


def test_a_password_that_cannot_be_read_defers_the_mail_and_says_so(
    settings: Settings, tmp_path: Path
) -> None:
    send()
    with mail_server() as peer:
        settings.MAIL_SERVER = MailServer(
            host="127.0.0.1", port=peer.port, user="portal", password_file=tmp_path / "none"
        )
        done = deliver_due()
    assert done.deferred == 1
    assert "the password of the mail server cannot be read" in done.error


def test_mail_that_does_not_go_through_the_outbox_is_refused(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "portal.notifications.direct_mail.RefusingBackend"
    with pytest.raises(DirectMailError, match=r"outbox\.send"):
        django_mail.send_mail("Subject", "Text", None, ["hana@example.com"])
