"""The claim service's own certificate: renewed while it runs, and warned of where it is not."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from django.utils import timezone

from portal.authority import certificates, files, roots
from portal.authority.certificates import CertificateSpec
from portal.authority.claim_certificate import RenewalThread, ensure_certificate
from portal.authority.expiry import ExpiringKind, expiring
from portal.authority.models import IssuedCertificate, Purpose, Root
from portal.environment.state_folder import PACKAGE
from tests.peers import free_port
from tests.portal.program import Portal

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings

PATIENCE_S = 30.0


def aged(path: Path, host: str) -> int:
    """Put a certificate in its last third there; returns its serial number."""
    key = certificates.new_key()
    at = timezone.now() - timedelta(days=300)
    spec = CertificateSpec(name=host, public_key=key.public_key(), at=at, hosts=(host,))
    made = certificates.issue(roots.load(Root.BOXES), spec)
    files.replace(path, certificates.key_pem(key) + certificates.pem(made).encode(), files.PRIVATE)
    return made.serial_number


def serial_of(path: Path) -> int:
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


@pytest.mark.django_db(transaction=True)
def test_a_running_service_renews_its_certificate(authority: Path) -> None:
    path = ensure_certificate()
    renewal = RenewalThread(every_s=0.01)
    renewal.start()
    try:
        for _ in range(2):
            old = aged(path, "portal.example.com")
            deadline = time.monotonic() + PATIENCE_S
            while serial_of(path) == old:
                assert time.monotonic() < deadline
                time.sleep(0.01)
    finally:
        renewal.stop()
    assert IssuedCertificate.objects.filter(purpose=Purpose.CLAIMS).count() == 3
    ensure_certificate()
    assert IssuedCertificate.objects.filter(purpose=Purpose.CLAIMS).count() == 3


@pytest.mark.django_db
def test_a_certificate_that_nobody_renews_is_warned_of(authority: Path) -> None:
    ensure_certificate()
    now = timezone.now()
    assert expiring(now) == []
    soon = [one for one in expiring(now + timedelta(days=340)) if one.kind is ExpiringKind.CLAIMS]
    assert [(one.name, one.expired) for one in soon] == [("portal.example.com", False)]
    assert "the claim service's certificate (portal.example.com) expires on" in str(soon[0])
    assert "`kanmon-portal claims`" in str(soon[0])
    assert [
        one.expired
        for one in expiring(now + timedelta(days=366))
        if one.kind is ExpiringKind.CLAIMS
    ] == [True]


@pytest.mark.django_db
def test_what_was_replaced_is_not_warned_of(authority: Path, settings: Settings) -> None:
    ensure_certificate()
    settings.CLAIM_URL = "https://boxes.example.com:8443"
    ensure_certificate()
    late = expiring(timezone.now() + timedelta(days=366))
    assert [one.name for one in late if one.kind is ExpiringKind.CLAIMS] == ["boxes.example.com"]


def test_what_was_replaced_is_served_at_once(tmp_path: Path) -> None:
    """A real service: it reads its file anew for each connection, and looks when it starts."""
    portal, port = Portal(tmp_path / "portal"), free_port()
    variables = {"KANMON_CLAIM_URL": f"https://127.0.0.1:{port}"}
    portal.migrate()
    portal.done("authority", "init", **variables)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))}
    service = subprocess.Popen(
        [sys.executable, "-m", "portal.cli", "claims", "--bind", f"127.0.0.1:{port}"],
        env=kept | variables | {"KANMON_PORTAL_STATE": str(portal.state)},
        cwd=PACKAGE.parent,
        stderr=subprocess.DEVNULL,
    )
    try:
        first = _served(port)
        assert (
            portal(
                "authority", "issue-server", "127.0.0.1", "--out", str(tmp_path / "s")
            ).returncode
            == 0
        )
        pair = [(tmp_path / "s" / name).read_bytes() for name in ("key.pem", "certificate.pem")]
        files.replace(portal.state / "authority" / "claim.pem", b"".join(pair), files.PRIVATE)
        strange = serial_of(tmp_path / "s" / "certificate.pem")
        assert _served(port) == strange != first
        # It is not on record as the claim service's: the next look makes another.
        service.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE_S
        while _served(port) == strange:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        service.terminate()
        service.wait(PATIENCE_S)


def _served(port: int) -> int:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            pem = ssl.get_server_certificate(("127.0.0.1", port), timeout=5)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return x509.load_pem_x509_certificate(pem.encode()).serial_number
