"""The roots, what they sign, and what OpenSSL makes of it."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import OperationalError, connection
from django.utils import timezone

from cloud_link.topics import BOX_ID
from portal.authority import actions, certificates, files, roots
from portal.authority.errors import AuthorityError
from portal.authority.expiry import ExpiringKind, expiring
from portal.authority.models import IssuedCertificate, RevocationList, Root
from portal.fleet.models import Box
from portal.fleet.provisioning import GatewayPlacement, ensure_gateway
from tests.portal.authority.handshake import client, server, shake

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def box(name: str = "b-aaaaaaaaaa") -> Box:
    place = GatewayPlacement(
        organization="Aoyama Foods", site="Plant", time_zone="UTC", gateway=name, box_id=name
    )
    return ensure_gateway(place).box


def box_identity(folder: Path, name: str = "b-aaaaaaaaaa") -> Path:
    """What a box has after its claim, as files."""
    key = certificates.new_key()
    row = actions.sign(Root.BOXES, name=name, public_key=key.public_key(), box=box(name))
    folder.mkdir()
    (folder / "key.pem").write_bytes(certificates.key_pem(key))
    (folder / "certificate.pem").write_text(row.pem)
    return folder


def trust(root: Root) -> str:
    return actions.describe_root(root).pem


def test_three_roots_are_made_once_and_only_their_owner_reads_them(authority: Path) -> None:
    before = {path.name: path.read_bytes() for path in (authority / "authority").glob("*.pem")}
    assert set(before) == {"boxes.pem", "workers.pem", "publisher.pem"}
    for name in before:
        assert (authority / "authority" / name).stat().st_mode & 0o777 == 0o600
    again = actions.ensure_roots()
    assert [view.made for view in again] == [False] * 3
    assert len({view.fingerprint for view in again}) == 3
    after = {path.name: path.read_bytes() for path in (authority / "authority").glob("*.pem")}
    assert after == before


def test_everything_names_the_key_that_signed_it(authority: Path) -> None:
    row = actions.sign(
        Root.BOXES, name="b-aaaaaaaaaa", public_key=certificates.new_key().public_key()
    )
    issuer = roots.load(Root.BOXES).certificate
    leaf = x509.load_pem_x509_certificate(row.pem.encode())
    listed = x509.load_pem_x509_crl(actions.list_path(Root.BOXES).read_bytes())
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    for thing in (issuer, leaf, listed):
        named = thing.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        assert named.value.key_identifier == own
    assert leaf.subject.rfc4514_string() == "CN=b-aaaaaaaaaa"
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)


def test_a_lost_root_is_not_made_again_by_the_way(authority: Path) -> None:
    actions.issue_worker("ingest-1")
    roots.path_of(Root.WORKERS).unlink()
    roots.path_of(Root.PUBLISHER).unlink()  # nothing depends on this one
    with pytest.raises(AuthorityError, match="backup"):
        actions.ensure_roots()
    assert not roots.path_of(Root.WORKERS).exists()
    assert [view.made for view in actions.ensure_roots(anew=True)] == [False, True, True]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.chmod(0o640), "chmod 600"),
        (lambda path: path.write_bytes(b"no pem"), "estore the file from your backup"),
        (lambda path: path.unlink(), "authority init"),
    ],
)
def test_a_root_that_cannot_be_used_is_told(authority: Path, spoil: object, says: str) -> None:
    spoil(roots.path_of(Root.BOXES))  # type: ignore[operator] # a lambda above
    with pytest.raises(AuthorityError, match=says):
        roots.load(Root.BOXES)


def test_a_key_and_a_certificate_that_do_not_belong_together_are_told(authority: Path) -> None:
    key = roots.path_of(Root.BOXES).read_bytes().partition(b"-----BEGIN CERTIFICATE")[0]
    other = actions.describe_root(Root.WORKERS).pem.encode()
    files.replace(roots.path_of(Root.BOXES), key + other, files.PRIVATE)
    with pytest.raises(AuthorityError, match="damaged"):
        roots.load(Root.BOXES)


def test_a_box_and_the_broker_shake_hands(authority: Path, tmp_path: Path) -> None:
    broker = actions.issue_server(("broker.example.com", "192.0.2.1"))
    identity = box_identity(tmp_path / "box")
    for host in ("broker.example.com", "192.0.2.1"):
        shake(client(trust(Root.BOXES), identity), server(broker, trust(Root.BOXES)), host)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake(
            client(trust(Root.BOXES), identity), server(broker, trust(Root.BOXES)), "other.example"
        )


@pytest.mark.parametrize("kind", ["worker", "publisher", "server", "nobody"])
def test_nobody_else_is_a_box(authority: Path, tmp_path: Path, kind: str) -> None:
    broker = actions.issue_server(("broker.example.com",))
    identity: Path | None = None
    if kind == "worker":
        identity = actions.issue_worker("b-aaaaaaaaaa")
    elif kind == "publisher":
        identity = actions.issue_publisher("b-aaaaaaaaaa")
    elif kind == "server":
        identity = actions.issue_server(("b-aaaaaaaaaa",))
    with pytest.raises(ssl.SSLError):
        shake(
            client(trust(Root.BOXES), identity),
            server(broker, trust(Root.BOXES)),
            "broker.example.com",
        )


def test_a_box_is_no_worker_no_publisher_and_no_server(authority: Path, tmp_path: Path) -> None:
    identity = box_identity(tmp_path / "box")
    broker = actions.issue_server(("broker.example.com",))
    for root in (Root.WORKERS, Root.PUBLISHER):
        with pytest.raises(ssl.SSLError):
            shake(
                client(trust(Root.BOXES), identity),
                server(broker, trust(root)),
                "broker.example.com",
            )
    with pytest.raises(ssl.SSLError, match="certificate verify failed"):
        shake(
            client(trust(Root.BOXES), broker), server(identity, trust(Root.BOXES)), "b-aaaaaaaaaa"
        )


def test_a_revoked_box_is_refused_and_the_others_are_not(authority: Path, tmp_path: Path) -> None:
    broker = actions.issue_server(("broker.example.com",))
    good = box_identity(tmp_path / "good", "b-aaaaaaaaaa")
    bad = box_identity(tmp_path / "bad", "b-bbbbbbbbbb")
    assert actions.revoke_box("b-bbbbbbbbbb", reason="stolen") == 1
    assert actions.revoke_box("b-bbbbbbbbbb") == 0
    listed = str(actions.list_path(Root.BOXES))
    listener = server(broker, trust(Root.BOXES), listed)
    shake(client(trust(Root.BOXES), good), listener, "broker.example.com")
    with pytest.raises(ssl.SSLError, match="revoked"):
        shake(client(trust(Root.BOXES), bad), listener, "broker.example.com")
    row = IssuedCertificate.objects.get(subject="b-bbbbbbbbbb")
    assert row.reason == "stolen"
    assert row.revoked_at is not None


def test_a_workers_old_certificates_are_revoked_and_the_newest_may_stay(
    authority: Path, tmp_path: Path
) -> None:
    for number in ("1", "2", "3"):
        actions.issue_worker("ingest-1", tmp_path / number)
    rows = IssuedCertificate.objects.filter(subject="worker.ingest-1")
    assert actions.revoke_named(Root.WORKERS, "ingest-1", but_newest=True) == 2
    assert [row.revoked_at is None for row in rows] == [False, False, True]
    assert actions.revoke_named(Root.WORKERS, "ingest-1", reason="copied") == 1
    assert rows.last().reason == "copied"  # type: ignore[union-attr] # three were made
    listed = x509.load_pem_x509_crl(actions.list_path(Root.WORKERS).read_bytes())
    assert len(list(listed)) == 3
    for wrong, root in (("ingest-2", Root.WORKERS), ("ingest-1", Root.PUBLISHER)):
        with pytest.raises(AuthorityError, match="issued no certificate"):
            actions.revoke_named(root, wrong)


def test_no_box_can_be_called_as_a_worker_is(authority: Path) -> None:
    """At the broker, two of one name end each other's sessions."""
    actions.issue_worker("ingest-1")
    actions.issue_publisher("config")
    for row in IssuedCertificate.objects.all():
        assert BOX_ID.fullmatch(row.subject) is None


def test_what_ends_soon_is_told_before_it_does(authority: Path) -> None:
    actions.issue_worker("ingest-1")
    now = timezone.now()
    assert expiring(now) == []
    in_time = expiring(now + timedelta(days=6))
    assert len(in_time) == 3
    assert "the revocation list for boxes expires on" in str(in_time[0])
    late = expiring(now + timedelta(days=340))
    assert "expired on" in str(late[0])
    assert "the certificate of worker.ingest-1 expires on" in str(late[3])
    actions.issue_worker("ingest-1", roots.folder() / "another")
    assert expiring(now) == []


def enrolled(name: str, expires_at: datetime) -> IssuedCertificate:
    known = Box.objects.filter(box_id=name).first() or box(name)
    key = certificates.new_key().public_key()
    row = actions.sign(Root.BOXES, name=name, public_key=key, box=known)
    row.expires_at = expires_at
    row.save()
    return row


def test_boxes_that_nobody_enrols_again_are_told_as_one(authority: Path) -> None:
    now = timezone.now()
    assert expiring(now) == []
    enrolled("b-aaaaaaaaaa", now + timedelta(days=29))
    enrolled("b-bbbbbbbbbb", now + timedelta(days=31))
    (one,) = expiring(now)
    assert (one.kind, one.name, one.count, one.expired) == (
        ExpiringKind.BOX,
        "b-aaaaaaaaaa",
        1,
        False,
    )
    assert str(one).startswith("the certificate of the box b-aaaaaaaaaa expires on")
    assert "`kanmon-portal key issue" in str(one)
    gone = enrolled("b-cccccccccc", now - timedelta(days=1))
    (both,) = expiring(now)
    assert (both.name, both.count, both.expired) == ("b-cccccccccc", 2, True)
    assert str(both).startswith(
        "the certificates of 2 boxes expire: the first, of b-cccccccccc, expired on"
    )
    gone.revoked_at = now
    gone.save()
    enrolled("b-aaaaaaaaaa", now + timedelta(days=365))
    assert expiring(now) == []


def test_lists_are_numbered_and_always_end(authority: Path) -> None:
    path = actions.publish_list(Root.BOXES)
    again = actions.publish_list(Root.BOXES, timedelta(days=2))
    assert path == again
    listed = x509.load_pem_x509_crl(path.read_bytes())
    ends = listed.next_update_utc
    assert ends is not None
    assert timedelta(days=1, hours=23) < ends - timezone.now() <= timedelta(days=2)
    assert listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 3
    numbers = RevocationList.objects.filter(root=Root.BOXES).values_list("number", flat=True)
    assert list(numbers) == [1, 2, 3]
    with pytest.raises(AuthorityError, match="block every client"):
        actions.publish_list(Root.BOXES, timedelta())


@pytest.mark.parametrize("name", ["b-unknown1", "b-nothing1"])
def test_what_cannot_be_revoked_is_told(authority: Path, name: str) -> None:
    if name == "b-nothing1":
        box(name)
    with pytest.raises(AuthorityError, match=name):
        actions.revoke_box(name)


@pytest.mark.parametrize("name", ["", "Ingest", "a/b", "..", "+", "#", "a" * 64])
def test_a_name_that_will_not_do_is_refused(authority: Path, name: str) -> None:
    for issue in (actions.issue_worker, actions.issue_publisher):
        with pytest.raises(AuthorityError, match="not a valid name"):
            issue(name)
    assert not IssuedCertificate.objects.exists()


@pytest.mark.parametrize("hosts", [(), ("Broker Example",), ("ok.example", "*.example")])
def test_a_host_that_will_not_do_is_refused(authority: Path, hosts: tuple[str, ...]) -> None:
    with pytest.raises(AuthorityError, match="not a host"):
        actions.issue_server(hosts)


def test_what_is_there_is_not_overwritten_and_nothing_is_on_record(authority: Path) -> None:
    folder = actions.issue_worker("ingest-1")
    before = (folder / "key.pem").read_bytes()
    with pytest.raises(AuthorityError, match="already exists"):
        actions.issue_worker("ingest-1")
    assert (folder / "key.pem").read_bytes() == before
    assert IssuedCertificate.objects.count() == 1
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_folder_that_cannot_be_written_is_told_and_nothing_is_on_record(
    authority: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AuthorityError, match="cannot be written"):
        actions.issue_worker("ingest-1", tmp_path / "file" / "out")
    assert not IssuedCertificate.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_could_not_be_recorded_leaves_no_folder(
    authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate without a row could never be revoked."""

    def full() -> None:
        raise OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(connection, "_commit", full)
        with pytest.raises(OperationalError):
            actions.issue_worker("ingest-1")
    assert not IssuedCertificate.objects.filter(root=Root.WORKERS).exists()
    folder = actions.issue_worker("ingest-1")
    with pytest.raises(AuthorityError, match="already exists"):
        actions.issue_worker("ingest-1")
    assert (folder / "key.pem").exists(), "what was there before stays"
