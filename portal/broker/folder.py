"""The broker's folder: everything Mosquitto reads, and what we keep to reach it.

::

    FOLDER/
      mosquitto.conf  roots/  lists/  rights/       as `portal.broker.configuration` says
      server/         key and certificate of the broker
      cutting/        passwords (hashed, the broker's), password (ours alone)
      canary/         a certificate that was revoked as soon as it was made: ours alone
      run/            the broker's process id
      broker.json     the plan
      kept.json       what was reloaded and cut last; see `portal.broker.reloading`

Where Mosquitto runs as another account, that account's group may read what it needs, and no more.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pwd
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from django.db import transaction
from django.utils import timezone

from portal.authority import certificates, files, roots
from portal.authority.actions import checked_hosts, publish_list, sign
from portal.authority.errors import AuthorityError
from portal.authority.models import RevocationList, Root
from portal.broker import configuration
from portal.broker.configuration import RIGHTS, Address, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAN: Final = "broker.json"
PASSWORD: Final = Path("cutting/password")
CANARY_KEY: Final = Path("canary/key.pem")
CANARY_CERTIFICATE: Final = Path("canary/certificate.pem")
_ITERATIONS: Final = 20_000
_OURS: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFolder:
    """A folder with its plan.

    Attributes:
        path: Absolute.
    """

    path: Path
    plan: Plan

    @classmethod
    def load(cls, path: Path) -> BrokerFolder:
        """A folder that was written; raises `AuthorityError`."""
        try:
            content = json.loads((path / PLAN).read_bytes())
            addresses = {
                name: Address(**content[name])
                for name in ("boxes", "workers", "publisher", "cutting")
            }
            plan = Plan(hosts=tuple(content["hosts"]), user=content["user"], **addresses)
        except FileNotFoundError as error:
            raise AuthorityError(
                f"{path} holds no broker's configuration; run 'kanmon-portal broker write {path}'"
            ) from error
        except OSError as error:
            raise AuthorityError(f"{error.filename} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise AuthorityError(
                f"{path / PLAN} is damaged; remove it, and write the folder again"
            ) from error
        return cls(path=path, plan=plan)

    def texts(self) -> Mapping[Path, str]:
        """Every file that follows from the plan and the roots alone."""
        texts = {
            Path(configuration.CONFIGURATION): configuration.configuration(self.plan, self.path)
        }
        for root in Root:
            pem = certificates.pem(roots.load(root).certificate)
            texts[configuration.root_path(root.value)] = pem
        for name in RIGHTS:
            texts[configuration.rights_path(name)] = configuration.rights(name)
        return texts

    def write(self) -> None:
        """Write everything; safe to repeat. Raises `AuthorityError`."""
        self.plan.check()
        self._make_folders()
        for name, text in self.texts().items():
            self.put(name, text)
        self.write_lists()
        self.renew_server()
        self._write_password()
        self._write_canary()
        files.replace(self.path / PLAN, json.dumps(asdict(self.plan)).encode() + b"\n", _OURS)

    def write_lists(self) -> None:
        """Bring the newest revocation lists, made anew at half their life."""
        now = timezone.now()
        for root in Root:
            newest = _newest(root)
            if newest is None or now > newest.begins_at + (newest.ends_at - newest.begins_at) / 2:
                publish_list(root)
                newest = _newest(root)
            assert newest is not None
            self.put(configuration.list_path(root.value), newest.pem)

    def renew_server(self) -> None:
        """The broker's key and certificate: made anew at two thirds of its life."""
        path = self.path / configuration.SERVER_CERTIFICATE
        issuer = roots.load(Root.BOXES)
        hosts = checked_hosts(_with_this_machine(self.plan.hosts))
        if _serves(path, hosts, issuer) and (self.path / configuration.SERVER_KEY).exists():
            return
        key = certificates.new_key()
        with transaction.atomic():
            row = sign(Root.BOXES, name=hosts[0], public_key=key.public_key(), hosts=hosts)
            self.put(configuration.SERVER_KEY, certificates.key_pem(key).decode())
            self.put(configuration.SERVER_CERTIFICATE, row.pem)

    def put(self, name: Path, text: str) -> None:
        """Write a file that the broker may read, unless it is there already."""
        path = self.path / name
        with suppress(OSError, ValueError):
            if path.read_text("utf-8") == text:
                return
        files.replace(path, text.encode(), 0o640 if self._group() is not None else _OURS)
        self._give(path)

    def cutting_password(self) -> str:
        """By which we connect on the listener for cutting; raises `AuthorityError`."""
        try:
            return (self.path / PASSWORD).read_text("ascii").strip()
        except OSError as error:
            raise AuthorityError(
                f"{self.path / PASSWORD} cannot be read: {error.strerror}; run the command as the "
                "user the portal runs as, or write the folder again"
            ) from error

    def _make_folders(self) -> None:
        names = {Path(), Path("run"), Path("canary"), *(name.parent for name in self.texts())}
        names |= {configuration.PASSWORDS.parent, configuration.SERVER_KEY.parent, Path("lists")}
        for name in sorted(names):
            folder = self.path / name
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise AuthorityError(
                    f"{folder} cannot be made: {error.strerror}; name a folder that this account "
                    "may write"
                ) from error
            if self._group() is not None and name != Path("canary"):
                self._give(folder)
                folder.chmod(0o770 if name == Path("run") else 0o750)

    def _write_password(self) -> None:
        if (self.path / PASSWORD).exists() and (self.path / configuration.PASSWORDS).exists():
            return
        password = secrets.token_urlsafe(32)
        files.replace(self.path / PASSWORD, password.encode() + b"\n", _OURS)
        self.put(configuration.PASSWORDS, f"{configuration.CUTTER}:{_hashed(password)}\n")

    def _write_canary(self) -> None:
        """The broker must refuse it: that shows that its list is in force."""
        path = self.path / CANARY_CERTIFICATE
        if _serves(path, (), roots.load(Root.BOXES)):
            return
        key = certificates.new_key()
        with transaction.atomic():
            row = sign(Root.BOXES, name=configuration.CANARY, public_key=key.public_key())
            row.revoked_at, row.reason = timezone.now(), "made to be refused"
            row.save(update_fields=["revoked_at", "reason"])
            files.replace(self.path / CANARY_KEY, certificates.key_pem(key), _OURS)
            files.replace(path, row.pem.encode(), _OURS)
        publish_list(Root.BOXES)
        self.write_lists()

    def _group(self) -> int | None:
        """The group of the broker's account; ``None`` where that account is ours."""
        try:
            account = pwd.getpwnam(self.plan.user)
        except KeyError as error:
            raise AuthorityError(
                f"this machine has no account {self.plan.user!r} for Mosquitto to run as; name "
                "another with --user"
            ) from error
        return None if account.pw_uid == os.geteuid() else account.pw_gid

    def _give(self, path: Path) -> None:
        group = self._group()
        if group is None:
            return
        try:
            os.chown(path, -1, group)
        except OSError as error:
            raise AuthorityError(
                f"{path} cannot be given to the group of {self.plan.user}: {error.strerror}; make "
                f"this account a member of that group (usermod -a -G {self.plan.user} ...)"
            ) from error


def _newest(root: Root) -> RevocationList | None:
    return RevocationList.objects.filter(root=root).order_by("-number").first()


def _with_this_machine(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Workers and the portal itself reach the broker on this machine, too."""
    return tuple(dict.fromkeys((*hosts, "localhost", "127.0.0.1", "::1")))


def _serves(path: Path, hosts: tuple[str, ...], issuer: certificates.Issuer) -> bool:
    """Whether a certificate is by this root, for these hosts, and in its first two thirds."""
    with suppress(OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        there = x509.load_pem_x509_certificate(path.read_bytes())
        there.verify_directly_issued_by(issuer.certificate)
        begins, ends = there.not_valid_before_utc, there.not_valid_after_utc
        if timezone.now() >= begins + (ends - begins) * 2 / 3:
            return False
        if not hosts:
            return True
        names: Any = there.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return bool(names == certificates.names_of(hosts))
    return False


def _hashed(password: str) -> str:
    """As mosquitto_passwd(1) writes it: PBKDF2 of SHA-512, salt and hash in Base64."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
