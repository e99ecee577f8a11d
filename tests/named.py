"""Certificates for tests: a root, and who it vouches for, in files as the product keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cloud_link.mqtt.broker import Identity
from config.disk import LocalDisk
from portal.authority.certificates import (
    CertificateSpec,
    Issuer,
    issue,
    key_pem,
    make_root,
    new_key,
    pem,
)
from provisioning import enrolment_store
from provisioning.enrolment_store import Enrolment


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A root of the test's own, in ``folder``."""

    folder: Path
    issuer: Issuer

    @classmethod
    def make(cls, folder: Path, name: str = "boxes") -> Authority:
        made = cls(folder=folder, issuer=make_root(name, datetime.now(UTC)))
        folder.mkdir(parents=True, exist_ok=True)
        made.root.write_text(pem(made.issuer.certificate))
        return made

    @property
    def root(self) -> Path:
        """Its certificate."""
        return self.folder / "root.pem"

    def name(self, name: str, *hosts: str, at: datetime | None = None) -> Identity:
        """Key and certificate for a client, or for a server at ``hosts``; trusts this root."""
        key = new_key()
        order = CertificateSpec(
            name=name, public_key=key.public_key(), at=at or datetime.now(UTC), hosts=hosts
        )
        folder = self.folder / name
        folder.mkdir()
        (folder / "key.pem").write_bytes(key_pem(key))
        (folder / "certificate.pem").write_text(pem(issue(self.issuer, order)))
        return Identity(
            certificate=folder / "certificate.pem", key=folder / "key.pem", trust=self.root
        )


def enrolled(state: Path, identity: Identity, box: str, broker: str, mqtt: str = "5") -> Enrolment:
    """Let ``state`` be as `kanmon enroll` leaves it."""
    enrolment_store.folder(state).mkdir(parents=True, exist_ok=True)
    enrolment_store.key_path(state).write_bytes(identity.key.read_bytes())
    return enrolment_store.save(
        LocalDisk(),
        state,
        Enrolment(
            box=box,
            address="https://portal.example.com:8443",
            pin="00",
            certificate="",
            trust="",
            expires_at="2027-01-01T00:00:00Z",
            broker=broker,
            mqtt=mqtt,
            gateway="Plant room",
            site="Plant",
            organization="Aoyama Foods",
            terms="1",
        ),
        chain=identity.certificate.read_bytes(),
        trust=identity.trust.read_bytes(),
    )
