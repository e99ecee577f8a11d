"""What a crash leaves behind: never a broker that cannot start, nor a revocation that is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from portal.environment.state_folder import PACKAGE
from tests.portal.program import Portal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.portal.broker.conftest import Site


def test_no_crash_in_a_renewal_leaves_a_pair_that_does_not_match(tmp_path: Path) -> None:
    portal, folder = Portal(tmp_path / "portal"), tmp_path / "broker"
    portal.migrate()
    portal.done("authority", "init")
    portal.done("broker", "write", str(folder), "--host", "broker.example.com")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))}
    done = subprocess.run(
        [sys.executable, "-m", "tests.portal.broker.crashing", str(folder)],
        cwd=PACKAGE.parent,
        env=kept | {"KANMON_PORTAL_STATE": str(portal.state)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    print(f"died {done.stdout.strip()} times")
    assert int(done.stdout) >= 5


@pytest.mark.django_db
def test_a_revocation_that_a_crash_kept_from_the_list_gets_into_it(unstarted: Site) -> None:
    from cryptography import x509

    from portal.authority.models import IssuedCertificate

    unstarted.box("b-aaaaaaaaaa")
    row = IssuedCertificate.objects.get(subject="b-aaaaaaaaaa")
    row.revoked_at = timezone.now()
    row.save()
    unstarted.folder.write_lists()
    found = x509.load_pem_x509_crl((unstarted.folder.path / "lists/boxes.pem").read_bytes())
    assert found.get_revoked_certificate_by_serial_number(int(row.serial, 16)) is not None


@pytest.mark.django_db
def test_a_pair_that_does_not_match_is_named_and_made_anew(unstarted: Site) -> None:
    from portal.authority import certificates
    from portal.authority.server_identity import MISMATCH
    from portal.broker.inspection import inspect

    path = unstarted.folder.path / "server" / "identity.pem"
    there = path.read_text()
    strange = certificates.key_pem(certificates.new_key()).decode()
    path.write_text(strange + there[there.index("-----BEGIN CERTIFICATE") :])
    (trouble,) = inspect(unstarted.folder, files_only=True)
    assert trouble.fault
    assert (trouble.what, trouble.where) == (MISMATCH(), str(path))
    assert "`kanmon-portal broker write" in str(trouble.next)
    unstarted.folder.renew_server()
    assert inspect(unstarted.folder, files_only=True) == []


@pytest.mark.django_db
def test_a_password_and_a_hash_that_a_crash_parted_are_made_anew(unstarted: Site) -> None:
    hashed = unstarted.folder.path / "takeover" / "passwords"
    before = hashed.read_text()
    (unstarted.folder.path / "takeover" / "password").write_text("another\n")
    unstarted.folder.write()
    assert hashed.read_text() != before
    again = hashed.read_text()
    unstarted.folder.write()
    assert hashed.read_text() == again
