"""What a configuration alone cannot know: whether there are drivers and profiles for it.

Everything found is a `config.finding.Finding`, like what reading the file finds.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from config import secrets
from config.finding import Finding, Level, dotted, fold
from config.model import SECRET_REFERENCE, Configuration
from console.templates import check as messages
from console.templates import link, secret
from console.text import Message
from drivers.bus_load import BusLoad
from drivers.driver import BusLoadKind
from gateway.intake.gateway_records import is_sendable
from gateway.link.broker_target import conflict_text, conflicting_setting
from gateway.polling.devices import DeviceError, resolve
from gateway.polling.line_budget import LineTime, device_time
from protocols.delays import ASSUMED_S
from provisioning import enrolment_store
from provisioning.codes import CodedError

if TYPE_CHECKING:
    # What validates would stay in the daemon, which asks for its lines' figures.
    from config.reading import Document
    from config.yaml_source import Source
    from drivers.context import ProfileStore

IDENTITY = "identity"
"""The poll group that tells who a device is: it has no values to draw."""


def check(
    document: Document,
    state: Path,
    profiles: ProfileStore,
    lines: Mapping[str, Sequence[LineDevice]],
) -> list[Finding]:
    """Everything that would keep this configuration, or a device of it, from working here.

    Args:
        document: A configuration that could be read.
        state: The state folder, where secrets are.
        profiles: Where the profiles are.
        lines: Its devices by line (`by_line`).
    """
    configuration, source = document.configuration, document.source
    findings = [*_devices(configuration, source, profiles), *_secrets(document, state)]
    findings += [*_enrolment(document, state), *check_lines(document, lines)]
    findings += [*_long_timeouts(document, lines), *_size(document)]
    return list(fold(findings))


def _size(document: Document) -> Iterator[Finding]:
    """A configuration that the portal cannot be given."""
    if not is_sendable(document.configuration):
        yield Finding(what=messages.TOO_LARGE_TO_SEND(), next=messages.SPLIT_DEVICES())


def check_lines(document: Document, lines: Mapping[str, Sequence[LineDevice]]) -> list[Finding]:
    """Why the devices cannot share their lines as configured; empty when they can."""
    findings: list[Finding] = []
    for line, found in lines.items():
        formats: dict[Message | str, list[str]] = {}
        for one in found:
            formats.setdefault(one.format, []).append(one.name)
        if len(formats) > 1:
            what, why = messages.DIFFERENT_FORMATS(line=line), _formats(formats)
            step = messages.SAME_FORMAT()
            findings.append(_at_url(document.source, found[0].index, what, why, step))
            continue
        time = line_time(line, found)
        if time is not None and not time.isolates:
            what = messages.LINE_TOO_BUSY(line=line, format=str(time.form))
            why, step = _remedy(time)
            findings.append(_at_url(document.source, found[0].index, what, why, step))
    return findings


def _formats(formats: Mapping[Message | str, Sequence[str]]) -> Message:
    """Which devices say what of their line, as one message."""
    parts = tuple(
        messages.DEVICES_WITH(devices=tuple(names), format=form) for form, names in formats.items()
    )
    return messages.FORMATS(formats=parts)


def _at_url(
    source: Source,
    index: int,
    what: Message,
    why: Message,
    step: Message,
    level: Level = Level.ERROR,
) -> Finding:
    """A finding at the URL of a device."""
    path = ("devices", index, "url")
    location = source.location(path)
    return Finding(what=what, why=why, next=step, path=dotted(path), location=location, level=level)


def _long_timeouts(
    document: Document, lines: Mapping[str, Sequence[LineDevice]]
) -> Iterator[Finding]:
    """Devices that share a network connection, and whose silence outlasts a neighbour's period."""
    for line, found in lines.items():
        shortest = min(min(one.periods.values()) for one in found)
        longest = max(found, key=lambda one: one.load.timeout_s)
        if longest.load.form or len(found) < 2 or longest.load.timeout_s < shortest:
            continue
        period = f"{shortest:g}"
        what = messages.LONG_TIMEOUT(line=line, timeout=f"{longest.load.timeout_s:g}")
        why, step = messages.NEIGHBOR_LOSES(period=period), messages.SET_TIMEOUT(period=period)
        yield _at_url(document.source, longest.index, what, why, step, Level.WARNING)


def line_times(lines: Mapping[str, Sequence[LineDevice]]) -> list[LineTime]:
    """How busy each serial line is that has one speed."""
    times = (
        line_time(line, there)
        for line, there in lines.items()
        if len({one.format for one in there}) == 1
    )
    return [time for time in times if time is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDevice:
    """A device that can be polled, and what it asks of its line.

    Attributes:
        index: Its position in the file.
        name: Its name.
        address: Its address on the line; ``None`` where no other device can share it.
        scheme: The scheme of its URL.
        load: What it asks of its line.
        periods: Seconds of each poll group.
    """

    index: int
    name: str
    address: int | str | None
    scheme: str
    load: BusLoad
    periods: Mapping[str, float]

    @property
    def format(self) -> Message | str:
        """Scheme and serial format, on which all devices of a line must agree."""
        form = self.load.form
        return messages.FORMAT_AT(scheme=self.scheme, format=str(form)) if form else self.scheme


def by_line(configuration: Configuration, profiles: ProfileStore) -> dict[str, list[LineDevice]]:
    """The devices that can be polled, by their line."""
    lines: dict[str, list[LineDevice]] = {}
    for index, device in enumerate(configuration.devices):
        try:
            resolved = resolve(device.url, profiles)
            url, kind = resolved.url, resolved.kind
            groups = kind.poll_groups(url, profiles)
            load = kind.bus_load(url, profiles) if isinstance(kind, BusLoadKind) else BusLoad()
        except DeviceError:
            continue  # `_devices` reports it
        there = LineDevice(
            index=index,
            name=device.name,
            address=resolved.address,
            scheme=url.scheme,
            load=load,
            periods={g: device.every_s if p is None else p for g, p in groups.items()},
        )
        lines.setdefault(resolved.kind.line_key(url), []).append(there)
    return lines


def line_time(
    line: str, found: Sequence[LineDevice], delays: Mapping[int | str, float] | None = None
) -> LineTime | None:
    """How busy a line is; ``None`` where that is not known beforehand.

    Args:
        line: Its key.
        found: Who is on it.
        delays: What devices take to answer, in seconds by address, as far as it was learned.
    """
    form = found[0].load.form
    if form is None:
        return None
    learned = delays or {}
    devices = [
        device_time(one.name, one.load, one.periods, learned.get(one.address or 0, ASSUMED_S))
        for one in found
    ]
    return LineTime(line=line, form=form, devices=devices)


def _remedy(time: LineTime) -> tuple[Message, Message]:
    """Why a line's schedule is refused, and what would help."""
    if not time.fits:
        why = messages.OVERLOADED(
            share=round(100 * time.utilization),
            missing=f"{-time.slack_s:.2g}",
            n=len(time.devices),
        )
        return why, messages.RELIEVE()
    probe, spare = f"{time.probe_s:.2g}", f"{time.slack_s:.2g}"
    return messages.NO_RESERVE(probe=probe, spare=spare), messages.SHORTEN_TIMEOUT()


def check_urls(source: Source, profiles: ProfileStore) -> list[Finding]:
    """What is wrong with the device URLs of a file that cannot be used for other reasons.

    So that somebody who corrects a file sees all that is wrong with it at once.
    """
    devices = source.data.get("devices") if isinstance(source.data, dict) else None
    findings = []
    for index, device in enumerate(devices if isinstance(devices, list) else ()):
        url = device.get("url") if isinstance(device, dict) else None
        if not isinstance(url, str):
            continue
        try:
            resolve(url, profiles)
        except DeviceError as error:
            findings += _problems(error, source, index)
    return findings


def _problems(error: DeviceError, source: Source, index: int) -> list[Finding]:
    path = ("devices", index, "url")
    return [
        finding
        if finding.location  # in the profile
        else replace(finding, path=dotted(path), location=source.location(path))
        for finding in error.findings
    ]


def _devices(
    configuration: Configuration, source: Source, profiles: ProfileStore
) -> Iterator[Finding]:
    addresses: dict[tuple[str, int | str | None], str] = {}
    for index, device in enumerate(configuration.devices):
        try:
            resolved = resolve(device.url, profiles)
            periods = resolved.kind.poll_groups(resolved.url, profiles)
        except DeviceError as error:
            yield from _problems(error, source, index)
            continue
        place = (resolved.kind.line_key(resolved.url), resolved.address)
        first = addresses.setdefault(place, device.name)
        if first != device.name:
            what, why = messages.SAME_DEVICE(name=first), messages.TWICE()
            step = messages.CORRECT_ADDRESS()
            yield _at_url(source, index, what, why, step, Level.WARNING)
        values = (p for group, p in periods.items() if group != IDENTITY and p is not None)
        slowest = max(values, default=0.0)
        if slowest > configuration.gateway.heartbeat_s:
            what = messages.SLOWER_THAN_HEARTBEAT(period=f"{slowest:g}")
            why, step = messages.CHART_GAPS(), messages.RAISE_HEARTBEAT(seconds=ceil(slowest))
            yield _at_url(source, index, what, why, step, Level.WARNING)


def _enrolment(document: Document, state: Path) -> Iterator[Finding]:
    """An enrolled box goes where it was sent, and nowhere else."""
    cloud = document.configuration.cloud
    try:
        enrolled = enrolment_store.load(state)
    except CodedError:
        return  # not readable by this user, or damaged, which the daemon reports
    conflict = conflicting_setting(cloud, enrolled) if enrolled else None
    if enrolled and conflict:
        path = ("cloud", conflict)
        yield Finding(
            what=conflict_text(conflict, enrolled),
            why=messages.NOT_CONNECTED(),
            next=link.REMOVE_CLOUD(),
            path=dotted(path),
            location=document.source.location(path),
            level=Level.WARNING,
        )


def _secrets(document: Document, state: Path) -> Iterator[Finding]:
    """References to secrets that are not stored, or that others can read."""
    for path, reference in _references(document.configuration):
        name = reference.removeprefix("secret:")
        try:
            problem = _secret_problem(name, state / secrets.FOLDER / name)
        except OSError:
            return  # not readable by this user; the daemon runs as one who may read it
        if problem is not None:
            what, step = problem
            yield Finding(
                what=what,
                next=step,
                path=dotted(path),
                location=document.source.location(path),
                level=Level.WARNING,
            )


def _secret_problem(name: str, file: Path) -> tuple[Message, Message] | None:
    """What is wrong with the file of a secret, and the next step; raises ``OSError``."""
    try:
        found = file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return secret.NOT_STORED(name=name), secret.SET_AGAIN(name=name)
    if not stat.S_ISREG(found.st_mode):
        return secret.NOT_REGULAR(name=name), secret.SET_AGAIN(name=name)
    if found.st_mode & 0o077:
        return secret.EXPOSED(name=name), secret.RESTRICT(path=str(file))
    return None


def _references(configuration: Configuration) -> Iterator[tuple[tuple[str | int, ...], str]]:
    password = configuration.cloud.password
    if password is not None and SECRET_REFERENCE.fullmatch(password):
        yield ("cloud", "password"), password
    if configuration.metrics.token is not None:
        yield ("metrics", "token"), configuration.metrics.token
    for index, device in enumerate(configuration.devices):
        for _, value in parse_qsl(urlsplit(device.url).query):
            if SECRET_REFERENCE.fullmatch(value):
                yield ("devices", index, "url"), value
