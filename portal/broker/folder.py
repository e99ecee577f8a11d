"""The broker's folder: everything Mosquitto reads, and what the portal keeps to reach it.

::

    FOLDER/
      mosquitto.conf  roots/  lists/  rights/       as `portal.broker.configuration` says
      server/         key and certificate of the broker, in one file
      takeover/       passwords (hashed, the broker's), password (the portal's alone)
      canary/         a certificate that was revoked as soon as it was made: the portal's alone
      run/            the broker's process id
      broker.json     the plan
      reloaded.json   what was loaded and disconnected last; see `portal.broker.reloading`

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
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from django.db import transaction
from django.utils import timezone

from console.templates import system
from console.text import Template
from portal.authority import certificates, files, roots, server_identity
from portal.authority.actions import publish_list, sign
from portal.authority.errors import UNREADABLE, AuthorityError, system_step
from portal.authority.models import IssuedCertificate, Purpose, RevocationList, Root
from portal.broker import configuration
from portal.broker.configuration import RIGHTS, Address, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAN: Final = "broker.json"
PASSWORD: Final = Path("takeover/password")
CANARY: Final = Path("canary/identity.pem")
NO_CONFIGURATION: Final = Template(
    "broker.no_configuration", "the folder does not contain a broker configuration"
)
WRITE: Final = Template("broker.write", "run `kanmon-portal broker write {folder} --host NAME`")
DAMAGED: Final = Template("broker.damaged", "the file is damaged")
REPLACE: Final = Template(
    "broker.replace", "remove the file, then run `kanmon-portal broker write {folder} --host NAME`"
)
RUN_OR_WRITE: Final = Template(
    "broker.run_or_write",
    "run the command as the user that the portal runs as, or run `kanmon-portal broker write "
    "{folder}`",
)
NOT_CREATED: Final = Template("broker.not_created", "the folder cannot be created")
WRITABLE_FOLDER: Final = Template(
    "broker.writable_folder", "choose a folder that this account can write to"
)
NO_ACCOUNT: Final = Template(
    "broker.no_account", "the account '{user}' for Mosquitto does not exist on this machine"
)
OTHER_ACCOUNT: Final = Template("broker.other_account", "choose another account with --user")
_ITERATIONS: Final = 20_000
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFolder:
    """A broker's folder and the settings it is written from.

    Attributes:
        path: The folder, absolute.
    """

    path: Path
    plan: Plan

    @classmethod
    def load(cls, path: Path) -> BrokerFolder:
        """The folder at ``path``, as it was written; raises `AuthorityError`."""
        try:
            content = json.loads((path / PLAN).read_bytes())
            addresses = {
                name: Address(**content[name])
                for name in ("boxes", "workers", "publisher", "takeover")
            }
            plan = Plan(hosts=tuple(content["hosts"]), user=content["user"], **addresses)
        except FileNotFoundError as error:
            raise AuthorityError(
                NO_CONFIGURATION(), where=str(path), next_step=WRITE(folder=str(path))
            ) from error
        except OSError as error:
            raise AuthorityError(
                UNREADABLE(),
                where=str(error.filename),
                why=system.reason(error),
                next_step=system_step(error),
            ) from error
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise AuthorityError(
                DAMAGED(), where=str(path / PLAN), next_step=REPLACE(folder=str(path))
            ) from error
        return cls(path=path, plan=plan)

    def texts(self) -> Mapping[Path, str]:
        """The text of every file that follows from plan and roots; raises `AuthorityError`."""
        return {
            **self.plan_texts(),
            **{self.root_name(root): self.root_text(root) for root in Root},
        }

    def plan_texts(self) -> Mapping[Path, str]:
        """The text of every file that follows from the plan alone."""
        texts = {
            Path(configuration.CONFIGURATION): configuration.configuration(self.plan, self.path)
        }
        for name in RIGHTS:
            texts[configuration.rights_path(name)] = configuration.rights(name)
        return texts

    def root_name(self, root: Root) -> Path:
        """The path of a root's certificate within the folder."""
        return configuration.root_path(root.value)

    def root_text(self, root: Root) -> str:
        """A root's certificate, as the authority has it; raises `AuthorityError`."""
        return certificates.pem(roots.load(root).certificate)

    def trust(self) -> str:
        """The root's certificate by which the broker is known; raises `AuthorityError`.

        It is the authority's, and where that is gone the one that the broker has been given: a
        lost root must not keep any session open.
        """
        try:
            return self.root_text(Root.BOXES)
        except AuthorityError:
            with suppress(OSError, ValueError):
                return (self.path / self.root_name(Root.BOXES)).read_text("ascii")
            raise

    def write(self) -> None:
        """Write everything into the folder; safe to repeat. Raises `AuthorityError`."""
        self.plan.check()
        self._make_folders()
        for name, text in self.texts().items():
            self.put(name, text)
        self.write_lists()
        self.renew_server()
        self._write_password()
        self._write_canary()
        files.replace(self.path / PLAN, json.dumps(asdict(self.plan)).encode() + b"\n", _PRIVATE)

    def write_lists(self) -> None:
        """Write the newest revocation list of every root; raises `AuthorityError`."""
        for root in Root:
            self.write_list(root)

    def write_list(self, root: Root) -> None:
        """Write the newest revocation list of a root, after a new one is made where it is due.

        Raises:
            AuthorityError: No new one could be made; the newest there is was written all the same.
        """
        newest = _newest(root)
        try:
            if newest is None or _is_due(newest):
                publish_list(root)
        finally:
            newest = _newest(root)
            if newest is not None:
                self.put(configuration.list_path(root.value), newest.pem)

    def renew_server(self) -> None:
        """Renew the broker's key and certificate where they are due; raises `AuthorityError`."""
        spec = server_identity.ServerSpec(
            purpose=Purpose.BROKER, hosts=_with_this_machine(self.plan.hosts)
        )
        server_identity.ensure_current(
            self.path / configuration.SERVER,
            spec,
            lambda content: self.put(configuration.SERVER, content.decode("ascii")),
        )

    def put(self, name: Path, text: str) -> None:
        """Write a file that the broker may read, where its content or group differs."""
        path, group = self.path / name, self._group()
        with suppress(OSError, ValueError):
            if path.read_text("utf-8") == text and group in {None, path.stat().st_gid}:
                return
        files.replace(path, text.encode(), _PRIVATE if group is None else 0o640, group=group)

    def takeover_password(self) -> str:
        """The password for the takeover listener; raises `AuthorityError`."""
        try:
            return (self.path / PASSWORD).read_text("ascii").strip()
        except OSError as error:
            raise AuthorityError(
                UNREADABLE(),
                where=str(self.path / PASSWORD),
                why=system.reason(error),
                next_step=RUN_OR_WRITE(folder=str(self.path)),
            ) from error

    def _make_folders(self) -> None:
        names = {Path(), Path("run"), Path("canary"), *(name.parent for name in self.texts())}
        names |= {configuration.PASSWORDS.parent, configuration.SERVER.parent, Path("lists")}
        for name in sorted(names):
            folder = self.path / name
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise AuthorityError(
                    NOT_CREATED(),
                    where=str(folder),
                    why=system.reason(error),
                    next_step=WRITABLE_FOLDER(),
                ) from error
            group = self._group()
            if group is not None and name != Path("canary"):
                files.change_group(folder, group)
                folder.chmod(0o770 if name == Path("run") else 0o750)

    def _write_password(self) -> None:
        with suppress(OSError, ValueError):
            line = (self.path / configuration.PASSWORDS).read_text("ascii")
            if _is_hash_of(line, self.takeover_password()):
                return
        password = secrets.token_urlsafe(32)
        files.replace(self.path / PASSWORD, password.encode() + b"\n", _PRIVATE)
        hashed = _hashed(password, secrets.token_bytes(12))
        self.put(configuration.PASSWORDS, f"{configuration.TAKEOVER_USER}:{hashed}\n")

    def _write_canary(self) -> None:
        """The broker must refuse it: that shows that its list is in force."""
        path = self.path / CANARY
        if _is_canary(path):
            return
        key = certificates.new_key()
        with transaction.atomic():
            row = sign(
                Root.BOXES,
                name=configuration.CANARY,
                public_key=key.public_key(),
                purpose=Purpose.CANARY,
            )
            row.revoked_at, row.reason = timezone.now(), "made to be refused"
            row.save(update_fields=["revoked_at", "reason"])
            files.replace(path, certificates.key_pem(key) + row.pem.encode(), _PRIVATE)
        self.write_lists()

    def _group(self) -> int | None:
        """The group of the broker's account; ``None`` where that account is ours."""
        try:
            account = pwd.getpwnam(self.plan.user)
        except KeyError as error:
            raise AuthorityError(
                NO_ACCOUNT(user=self.plan.user), next_step=OTHER_ACCOUNT()
            ) from error
        return None if account.pw_uid == os.geteuid() else account.pw_gid


def _newest(root: Root) -> RevocationList | None:
    return RevocationList.objects.filter(root=root).order_by("-number").first()


def _with_this_machine(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Workers and the portal itself reach the broker on this machine, too."""
    return tuple(dict.fromkeys((*hosts, "localhost", "127.0.0.1", "::1")))


def _is_due(newest: RevocationList) -> bool:
    """Whether a list is past half its life, lacks a revocation, or is not by today's root.

    The last two are what a crash leaves.
    """
    if timezone.now() > newest.valid_from + (newest.expires_at - newest.valid_from) / 2:
        return True
    revoked = IssuedCertificate.objects.filter(root=newest.root).exclude(revoked_at=None)
    published = x509.load_pem_x509_crl(newest.pem.encode())
    if not published.is_signature_valid(roots.load(Root(newest.root)).certificate.public_key()):  # type: ignore[arg-type] # an EC key, as roots are
        return True
    listed = {entry.serial_number for entry in published}
    return any(int(serial, 16) not in listed for serial in revoked.values_list("serial", flat=True))


def _is_canary(path: Path) -> bool:
    """Whether a certificate is by today's root, not due for renewal, and revoked."""
    with suppress(AuthorityError, ValueError, TypeError, InvalidSignature):
        certificate = server_identity.read_identity(path)
        certificate.verify_directly_issued_by(roots.load(Root.BOXES).certificate)
        if server_identity.is_due(certificate):
            return False
        serial = f"{certificate.serial_number:x}"
        rows = IssuedCertificate.objects.filter(serial=serial, root=Root.BOXES)
        return rows.exclude(revoked_at=None).exists()
    return False


def _is_hash_of(line: str, password: str) -> bool:
    """Whether a line of the broker's password file is of this password; raises `ValueError`."""
    _, salt, _ = line.strip().rpartition(":")[2].removeprefix("$7$").split("$")
    expected = f"{configuration.TAKEOVER_USER}:{_hashed(password, base64.b64decode(salt))}"
    return line.strip() == expected


def _hashed(password: str, salt: bytes) -> str:
    """As mosquitto_passwd(1) writes it: PBKDF2 of SHA-512, salt and hash in Base64."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
