"""Bringing what was revoked to the broker that runs: lists in force, sessions cut.

::

    newest lists, server certificate -> files
    changed since the last SIGHUP?   -> SIGHUP, then one greeting: it has read them
    revoked or ended, not cut yet    -> taken over by its name: the open session ends, and
                                        the list keeps it from coming back

Nothing of this is noted as done before it is: after a crash in between it is done again, and both
may be done twice without harm. Whoever is cut stands in the list that the broker reads: whoever is
revoked meanwhile would only come back, and is cut the next time. What is wrong with one root, or
with the server's certificate, is told and keeps nothing of the others from being done.

Source: design section 5.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import ssl
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from cloud_link.mqtt.broker import Broker, MqttError
from cloud_link.mqtt.connect import connect
from portal.authority import files
from portal.authority.errors import AuthorityError
from portal.authority.models import IssuedCertificate, Root
from portal.broker import configuration

if TYPE_CHECKING:
    from portal.broker.folder import BrokerFolder

KEPT: Final = "kept.json"
_AT_ONCE: Final = 8
_KEPT_IN_MIND: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What was done.

    Attributes:
        signalled: Whether the broker was told to read its files again.
        cut: The names whose sessions cannot be open any more.
        uncut: For each that may still be open, which one and why; the next call tries again.
        troubles: Why lists or the server's certificate are not as new as they should be, and what
            to do; everything else was done.
    """

    signalled: bool
    cut: tuple[str, ...]
    uncut: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


class ReloadError(AuthorityError):
    """The broker could be told nothing. Each of ``troubles`` says why, and what to do."""

    def __init__(self, troubles: tuple[str, ...]) -> None:
        super().__init__("\n".join(troubles))
        self.troubles = troubles


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What was done before."""

    loaded: str
    cut: frozenset[str]


def reload(folder: BrokerFolder, *, anyway: bool = False) -> Reloaded:
    """Bring everything new to the running broker, and say what of it could not be made.

    Args:
        folder: The broker's.
        anyway: Let it read its files also where none has changed.

    Raises:
        ReloadError: It does not run, may not be signalled, or does not answer; what was not
            done will be done by the next call.
    """
    stale, troubles = _renew(folder)
    try:
        done = _signal_and_cut(folder, stale, anyway=anyway)
    except AuthorityError as error:
        raise ReloadError(tuple(dict.fromkeys((*troubles, str(error))))) from error
    return replace(done, troubles=troubles)


def _renew(folder: BrokerFolder) -> tuple[frozenset[Root], tuple[str, ...]]:
    """Bring every list and the server's certificate; the roots whose list failed, all troubles."""
    stale: set[Root] = set()
    troubles: list[str] = []
    for root in Root:
        try:
            folder.write_list(root)
        except AuthorityError as error:
            stale.add(root)
            troubles.append(str(error))
    try:
        folder.renew_server()
    except AuthorityError as error:
        troubles.append(str(error))
    return frozenset(stale), tuple(dict.fromkeys(troubles))


def _signal_and_cut(folder: BrokerFolder, stale: frozenset[Root], *, anyway: bool) -> Reloaded:
    process = running(folder)
    kept, loaded = _kept(folder), _digest(folder, process)
    signalled = anyway or loaded != kept.loaded
    # Read before the signal: the broker's are these lists, or newer ones.
    over = [one for one in _ended(folder) if one.key not in kept.cut]
    names = {one.key: one.name for one in over if one.kept_out}
    failed: dict[str, str] = {}
    try:
        if signalled:
            os.kill(process, signal.SIGHUP)
        if signalled or names:
            failed = asyncio.run(_greet_and_cut(cutting_broker(folder), set(names.values())))
    except OSError as error:
        raise AuthorityError(
            f"the broker (process {process}) may not be signalled: {error.strerror}; run this as "
            f"root or as {folder.plan.user}, or give it CAP_KILL"
        ) from error
    except MqttError as error:
        raise AuthorityError(f"the broker takes no orders: {error}") from error
    done = {key: name for key, name in names.items() if name not in failed}
    if signalled or done:
        _keep(folder, _Kept(loaded=loaded, cut=kept.cut | done.keys()))
    let_in = {one.name: one.root for one in over if not one.kept_out and one.root in stale}
    return Reloaded(
        signalled=signalled,
        cut=tuple(sorted(set(done.values()))),
        uncut=(
            *(f"{name} could not be cut: {why}" for name, why in sorted(failed.items())),
            *(
                f"{name} could not be cut: the list for {root.value} does not have it yet"
                for name, root in sorted(let_in.items())
            ),
        ),
    )


def running(folder: BrokerFolder) -> int:
    """The broker's process; raises `AuthorityError` where it does not run with this folder."""
    path = folder.path / configuration.PID
    conf = str(folder.path / configuration.CONFIGURATION)
    try:
        process = int(path.read_text("ascii"))
        command = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        command = []
    if os.fsencode(conf) not in command:
        raise AuthorityError(
            f"no broker runs with this configuration (looked for its process in {path}); start "
            f"it: mosquitto -c {conf}"
        )
    return process


def cutting_broker(folder: BrokerFolder, password: str | None = None) -> Broker:
    """The listener for cutting, as who may; raises `AuthorityError`."""
    at = folder.plan.cutting
    url = f"mqtts://{replace(at, host=at.reached)}"
    broker = Broker.parse(url, tls=ssl.create_default_context(cadata=folder.trust()))
    return replace(
        broker,
        username=configuration.CUTTER,
        password=folder.cutting_password() if password is None else password,
    )


async def _greet_and_cut(broker: Broker, names: set[str]) -> dict[str, str]:
    """End the sessions of these names; who could not be cut, and why.

    Raises:
        MqttError: The broker did not answer the greeting; then nobody was cut.
    """
    # A signal is seen to before the next turn of the broker's loop, and a handshake takes several:
    # once this one is answered, the new lists are in force, and who is cut stays out.
    await _take_over(broker, f"greeting-{secrets.token_hex(8)}")
    turns = asyncio.Semaphore(_AT_ONCE)

    failed: dict[str, str] = {}

    async def cut(name: str) -> None:
        async with turns:
            try:
                await _take_over(broker, name)
            except MqttError as error:  # must not keep the others from being cut
                failed[name] = str(error)

    await asyncio.gather(*(cut(name) for name in names))
    return failed


async def _take_over(broker: Broker, name: str) -> None:
    async with connect(broker, name):
        pass  # a broker ends the other session before it answers (MQTT 5.0, 3.1.4-3)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """A certificate that does not count any more.

    Attributes:
        kept_out: Whether the broker refuses it, so that to be cut is to stay out.
    """

    root: Root
    serial: str
    name: str
    kept_out: bool

    @property
    def key(self) -> str:
        return f"{self.root.value}:{self.serial}"


def _ended(folder: BrokerFolder) -> list[_Ended]:
    """What does not count any more, whoever issued it.

    What ended by itself is left alone where a newer one of the same name counts: the session may
    be by that one. What was revoked is cut in any case: whoever holds a newer one comes back.
    """
    now = timezone.now()
    newer = IssuedCertificate.objects.filter(
        root=OuterRef("root"), subject=OuterRef("subject"), revoked_at=None, expires_at__gt=now
    )
    over = (
        IssuedCertificate.objects.annotate(renewed=Exists(newer))
        .filter(Q(revoked_at__isnull=False) | Q(expires_at__lte=now, renewed=False))
        .exclude(subject=configuration.CANARY)
    )
    listed = {root: _listed(folder, root) for root in Root}
    return [
        _Ended(
            root=Root(root),
            serial=serial,
            name=name,
            kept_out=expires_at <= now or int(serial, 16) in listed[Root(root)],
        )
        for root, serial, name, expires_at in over.values_list(
            "root", "serial", "subject", "expires_at"
        )
    ]


def _listed(folder: BrokerFolder, root: Root) -> frozenset[int]:
    """The serial numbers in the list that the broker reads; none where that is no list."""
    path = folder.path / configuration.list_path(root.value)
    try:
        there = x509.load_pem_x509_crl(path.read_bytes())
    except (OSError, ValueError):
        return frozenset()
    return frozenset(entry.serial_number for entry in there)


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
                f"{folder.path / name} cannot be read: {error.strerror}; write the folder again"
            ) from error
    return digest.hexdigest()


def _kept(folder: BrokerFolder) -> _Kept:
    try:
        content = json.loads((folder.path / KEPT).read_bytes())
        return _Kept(loaded=str(content["loaded"]), cut=frozenset(map(str, content["cut"])))
    except (OSError, ValueError, TypeError, KeyError):
        return _Kept(loaded="", cut=frozenset())  # all of it is then done again


def _keep(folder: BrokerFolder, kept: _Kept) -> None:
    content = {"loaded": kept.loaded, "cut": sorted(kept.cut)}
    files.replace(folder.path / KEPT, json.dumps(content).encode(), _KEPT_IN_MIND)
