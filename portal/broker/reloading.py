"""Bringing revocations to the running broker: lists in force, sessions disconnected.

::

    newest lists, server certificate -> files
    changed since the last SIGHUP?   -> SIGHUP, then one probe: it has read them
    revoked or expired certificates  -> taken over by name: the open session ends, and the list
    that were not disconnected yet      keeps the client from coming back

Nothing is recorded as done before it is: after a crash in between it is done again, and both may
be done twice without harm. Only a certificate in the list that the broker reads is disconnected:
one that was revoked meanwhile would come back, and is left for the next call. A failure with one
root, or with the server's certificate, is reported and delays nothing of the others.

Source: design section 5.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from cloud_link.mqtt.broker import MqttError
from console.templates import system
from console.text import Template
from portal.authority import files
from portal.authority.errors import UNREADABLE, AuthorityError
from portal.authority.models import IssuedCertificate, Root
from portal.broker import configuration, takeover
from portal.broker.finding import WRITE_AND_RESTART, BrokerFinding, cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.broker.folder import BrokerFolder

STATE: Final = "reloaded.json"
NOT_SIGNALLED: Final = Template(
    "broker.not_signalled", "the broker (process {process}) cannot be signalled"
)
RUN_AS_BROKER: Final = Template(
    "broker.run_as_broker", "run the command as root or as {user}, or give it CAP_KILL"
)
NO_TAKEOVER: Final = Template("broker.no_takeover", "the broker's takeover listener cannot be used")
NOT_DISCONNECTED: Final = Template(
    "broker.not_disconnected", "the session of {name} could not be ended"
)
NOT_LISTED: Final = Template(
    "broker.not_listed", "the revocation list for {root} does not contain its certificate yet"
)
RELOAD_AGAIN: Final = Template(
    "broker.reload_again", "correct what is wrong with the list, then reload the broker again"
)
NOT_RUNNING: Final = Template("broker.not_running", "no broker is running with this configuration")
START: Final = Template("broker.start", "start the broker with `mosquitto -c {file}`")
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadResult:
    """What `reload` did.

    Attributes:
        signalled: Whether the broker was told to read its files again.
        disconnected: The names whose sessions cannot be open any more, sorted.
        still_connected: For each name whose session may still be open, why; the next call tries
            again.
        failures: Why lists or the server's certificate are not as new as they should be, and what
            to do; everything else was done.
    """

    signalled: bool
    disconnected: tuple[str, ...]
    still_connected: tuple[BrokerFinding, ...] = ()
    failures: tuple[BrokerFinding, ...] = ()


class ReloadError(AuthorityError):
    """The broker could not be reached.

    Attributes:
        failures: What else failed before, and at the end why the broker could not be reached.
    """

    def __init__(self, failures: tuple[BrokerFinding, ...]) -> None:
        last = failures[-1]
        super().__init__(last.what, where=last.where, why=last.why, next_step=last.next)
        self.failures = failures


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReloadState:
    """What earlier calls did, as `STATE` keeps it.

    Attributes:
        loaded: A digest of the files that the broker has read.
        disconnected: The certificates, by `_InvalidCertificate.key`, that were disconnected.
    """

    loaded: str
    disconnected: frozenset[str]


def reload(folder: BrokerFolder, *, force: bool = False) -> ReloadResult:
    """Bring every new list and revocation to the running broker.

    Args:
        folder: The broker's folder.
        force: Let the broker read its files also where none has changed.

    Raises:
        ReloadError: It does not run, may not be signalled, or does not answer; what was not
            done will be done by the next call.
    """
    stale, failures = _renew(folder)
    try:
        result = _signal_and_disconnect(folder, stale, force=force)
    except AuthorityError as error:
        last = BrokerFinding.of(error)
        raise ReloadError((*(one for one in failures if one != last), last)) from error
    return replace(result, failures=failures)


def _renew(folder: BrokerFolder) -> tuple[frozenset[Root], tuple[BrokerFinding, ...]]:
    """Bring every list and the server's certificate; the roots whose list failed, and failures."""
    stale: set[Root] = set()
    failures: list[BrokerFinding] = []
    for root in Root:
        try:
            folder.write_list(root)
        except AuthorityError as error:
            stale.add(root)
            failures.append(BrokerFinding.of(error))
    try:
        folder.renew_server()
    except AuthorityError as error:
        failures.append(BrokerFinding.of(error))
    return frozenset(stale), tuple(dict.fromkeys(failures))


def _signal_and_disconnect(
    folder: BrokerFolder, stale: frozenset[Root], *, force: bool
) -> ReloadResult:
    process = broker_process(folder)
    state, loaded = _load_state(folder), _digest(folder, process)
    signalled = force or loaded != state.loaded
    # Read before the signal: the broker's are these lists, or newer ones.
    invalid = [one for one in _invalid(folder) if one.key not in state.disconnected]
    names = {one.key: one.name for one in invalid if one.refused}
    failures: dict[str, MqttError] = {}
    if signalled or names:
        failures = _deliver(folder, process, set(names.values()), signalled=signalled)
    done = {key: name for key, name in names.items() if name not in failures}
    if signalled or done:
        disconnected = state.disconnected | done.keys()
        _save_state(folder, _ReloadState(loaded=loaded, disconnected=disconnected))
    unlisted = {one.name: one.root for one in invalid if not one.refused and one.root in stale}
    return ReloadResult(
        signalled=signalled,
        disconnected=tuple(sorted(set(done.values()))),
        still_connected=_still_connected(failures, unlisted),
    )


def _deliver(
    folder: BrokerFolder, process: int, names: set[str], *, signalled: bool
) -> dict[str, MqttError]:
    """Signal the broker, where ``signalled``, and disconnect ``names``; returns the failures."""
    try:
        if signalled:
            os.kill(process, signal.SIGHUP)
        return asyncio.run(takeover.disconnect(takeover.takeover_broker(folder), names))
    except OSError as error:
        raise AuthorityError(
            NOT_SIGNALLED(process=process),
            why=system.reason(error),
            next_step=RUN_AS_BROKER(user=folder.plan.user),
        ) from error
    except MqttError as error:
        raise AuthorityError(
            NO_TAKEOVER(), where=error.where, why=cause(error), next_step=error.next_step
        ) from error


def _still_connected(
    failures: Mapping[str, MqttError], unlisted: Mapping[str, Root]
) -> tuple[BrokerFinding, ...]:
    return (
        *(
            BrokerFinding(
                fault=True,
                what=NOT_DISCONNECTED(name=name),
                where=error.where,
                why=cause(error),
                next=error.next_step,
            )
            for name, error in sorted(failures.items())
        ),
        *(
            BrokerFinding(
                fault=True,
                what=NOT_DISCONNECTED(name=name),
                why=NOT_LISTED(root=root.value),
                next=RELOAD_AGAIN(),
            )
            for name, root in sorted(unlisted.items())
        ),
    )


def broker_process(folder: BrokerFolder) -> int:
    """The process id of the broker; raises `AuthorityError` where none runs with this folder."""
    path = folder.path / configuration.PID
    conf = str(folder.path / configuration.CONFIGURATION)
    try:
        process = int(path.read_text("ascii"))
        command = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        command = []
    if os.fsencode(conf) not in command:
        raise AuthorityError(NOT_RUNNING(), where=str(path), next_step=START(file=conf))
    return process


@dataclass(frozen=True, slots=True, kw_only=True)
class _InvalidCertificate:
    """A certificate that was revoked or has expired.

    Attributes:
        name: The name in it, which is the client id at the broker.
        refused: Whether the broker refuses it, so that its client cannot come back.
    """

    root: Root
    serial: str
    name: str
    refused: bool

    @property
    def key(self) -> str:
        return f"{self.root.value}:{self.serial}"


def _invalid(folder: BrokerFolder) -> list[_InvalidCertificate]:
    """Every certificate that was revoked or has expired, whatever root issued it.

    One that expired is left out where a newer one of the same name is valid: the session may be
    by that one. One that was revoked is not: whoever holds a newer one comes back.
    """
    now = timezone.now()
    newer = IssuedCertificate.objects.filter(
        root=OuterRef("root"), subject=OuterRef("subject"), revoked_at=None, expires_at__gt=now
    )
    invalid = (
        IssuedCertificate.objects.annotate(renewed=Exists(newer))
        .filter(Q(revoked_at__isnull=False) | Q(expires_at__lte=now, renewed=False))
        .exclude(subject=configuration.CANARY)
        .values_list("root", "serial", "subject", "expires_at")
    )
    listed = {root: _listed_serials(folder, root) for root in Root}
    return [
        _InvalidCertificate(
            root=Root(root),
            serial=serial,
            name=name,
            refused=expires_at <= now or int(serial, 16) in listed[Root(root)],
        )
        for root, serial, name, expires_at in invalid
    ]


def _listed_serials(folder: BrokerFolder, root: Root) -> frozenset[int]:
    """The serial numbers in the list that the broker reads; none where it is unreadable."""
    path = folder.path / configuration.list_path(root.value)
    try:
        revocations = x509.load_pem_x509_crl(path.read_bytes())
    except (OSError, ValueError):
        return frozenset()
    return frozenset(entry.serial_number for entry in revocations)


def _digest(folder: BrokerFolder, process: int) -> str:
    """Of what the broker reads at SIGHUP; another process has read it when it started."""
    digest = sha256(str(process).encode())
    names = [configuration.list_path(root.value) for root in Root]
    names += [configuration.rights_path(name) for name in configuration.RIGHTS]
    names += [configuration.SERVER, configuration.PASSWORDS]
    for name in names:
        try:
            digest.update((folder.path / name).read_bytes())
        except OSError as error:
            raise AuthorityError(
                UNREADABLE(),
                where=str(folder.path / name),
                why=system.reason(error),
                next_step=WRITE_AND_RESTART(folder=str(folder.path)),
            ) from error
    return digest.hexdigest()


def _load_state(folder: BrokerFolder) -> _ReloadState:
    try:
        content = json.loads((folder.path / STATE).read_bytes())
        return _ReloadState(
            loaded=str(content["loaded"]),
            disconnected=frozenset(map(str, content["disconnected"])),
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return _ReloadState(loaded="", disconnected=frozenset())  # all of it is then done again


def _save_state(folder: BrokerFolder, state: _ReloadState) -> None:
    content = {"loaded": state.loaded, "disconnected": sorted(state.disconnected)}
    files.replace(folder.path / STATE, json.dumps(content).encode(), _PRIVATE)
