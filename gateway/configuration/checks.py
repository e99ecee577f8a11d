"""What a configuration alone cannot know: whether there are drivers and profiles for it.

Everything found is a `config.finding.Finding`, like what reading the file finds.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from config.finding import Finding, Level, dotted, position
from config.model import SECRET_REFERENCE, Configuration
from console.templates import link
from drivers.bus_load import BusLoad
from drivers.driver import BusLoadKind
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
    findings += [*_name(document, state), *check_lines(document, lines)]
    findings += _long_timeouts(document, lines)
    return sorted(dict.fromkeys(findings), key=position)  # devices may share a faulty profile


def check_lines(document: Document, lines: Mapping[str, Sequence[LineDevice]]) -> list[Finding]:
    """Why the devices cannot share their lines as configured; empty when they can."""
    findings: list[Finding] = []
    for line, found in lines.items():
        path = ("devices", found[0].index, "url")
        place = partial(Finding, path=dotted(path), location=document.source.location(path))
        ways = {one.way: one.name for one in found}
        if len(ways) > 1:
            disagreement = ", ".join(f"{name!r} says {way}" for way, name in ways.items())
            findings.append(
                place(
                    what=f"the devices on {line} disagree about it",
                    why=disagreement,
                    next="give every device of a line the same speed, character and protocol",
                )
            )
            continue
        time = line_time(line, found)
        if time is not None and not time.isolates:
            why, step = _remedy(time)
            findings.append(place(what=f"{line} ({time.form}) is too busy", why=why, next=step))
    return findings


def _long_timeouts(
    document: Document, lines: Mapping[str, Sequence[LineDevice]]
) -> Iterator[Finding]:
    """Devices that share a network connection, and whose silence outlasts a neighbour's period."""
    for line, found in lines.items():
        shortest = min(min(one.periods.values()) for one in found)
        longest = max(found, key=lambda one: one.load.timeout_s)
        if longest.load.form or len(found) < 2 or longest.load.timeout_s < shortest:
            continue
        path = ("devices", longest.index, "url")
        yield Finding(
            what=f"its silence holds {line} for {longest.load.timeout_s:g} s",
            why=f"another device there is polled every {shortest:g} s, and would lose more than "
            "one reading; the timeout shrinks only once the device is known",
            next="set timeout_s in the URL below that period",
            path=dotted(path),
            location=document.source.location(path),
            level=Level.WARNING,
        )


def line_times(lines: Mapping[str, Sequence[LineDevice]]) -> list[LineTime]:
    """How busy each serial line is that has one speed."""
    times = (
        line_time(line, there) for line, there in lines.items() if len({d.way for d in there}) == 1
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
    def way(self) -> str:
        """Scheme and serial format, on which all devices of a line must agree."""
        return f"{self.scheme} at {self.load.form}" if self.load.form else self.scheme


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
            continue  # told by itself
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


def _remedy(time: LineTime) -> tuple[str, str]:
    """Why a line's schedule is refused, and what would help."""
    if not time.fits:
        why = (
            f"it is busy {time.utilization:.0%} of the time, and when all that its "
            f"{len(time.devices)} devices have is due at once, their shortest period is "
            f"{-time.slack_s:.2g} s too short for it"
        )
        return why, "poll less often (every_s), raise the speed, or use a second line"
    why = (
        f"a silent device costs {time.probe_s:.2g} s, and the shortest period has "
        f"{time.slack_s:.2g} s to spare: one dead device would cost the others their readings"
    )
    return why, "shorten timeout_s, poll less often (every_s), or use a second line"


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
    return list(dict.fromkeys(findings))


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
        path = ("devices", index, "url")
        try:
            resolved = resolve(device.url, profiles)
            periods = resolved.kind.poll_groups(resolved.url, profiles)
        except DeviceError as error:
            yield from _problems(error, source, index)
            continue
        place = (resolved.kind.line_key(resolved.url), resolved.address)
        first = addresses.setdefault(place, device.name)
        if first != device.name:
            yield Finding(
                what=f"this is the device that {first!r} polls already",
                why="two polls of one device cost the line twice and count it twice",
                next="correct the unit or the address, or take one of them out",
                path=dotted(path),
                location=source.location(path),
                level=Level.WARNING,
            )
        values = (p for group, p in periods.items() if group != IDENTITY and p is not None)
        slowest = max(values, default=0.0)
        if slowest > configuration.gateway.heartbeat_s:
            yield Finding(
                what=f"its slowest values are read every {slowest:g} s",
                why="a chart shows a gap where nothing came for 1.5 heartbeats",
                next=f"set gateway.heartbeat_s to {slowest:g} or more",
                path=dotted(path),
                location=source.location(path),
                level=Level.WARNING,
            )


def _name(document: Document, state: Path) -> Iterator[Finding]:
    """An enrolled box goes where it was sent, and nowhere else."""
    cloud = document.configuration.cloud
    try:
        enrolled = enrolment_store.load(state)
    except CodedError:
        return  # not for our eyes, or damaged, which the daemon tells better
    conflict = conflicting_setting(cloud, enrolled) if enrolled else None
    if enrolled and conflict:
        path = ("cloud", conflict)
        yield Finding(
            what=conflict_text(conflict, enrolled),
            why="until then it does not connect at all",
            next=link.REMOVE_CLOUD(),
            path=dotted(path),
            location=document.source.location(path),
            level=Level.WARNING,
        )


def _secrets(document: Document, state: Path) -> Iterator[Finding]:
    """References to secrets that are not there, or not secret; once each, where first written."""
    reported: set[str] = set()
    for path, reference in _references(document.configuration):
        name = reference.removeprefix("secret:")
        file = state / "secrets" / name
        what, step = "", f"run chmod 600 {file}, and give it another value if it may be known"
        try:
            found = file.lstat()
            if not stat.S_ISREG(found.st_mode):
                what, step = f"{reference} is no plain file", f"run kanmon secret set {name}"
            elif found.st_mode & 0o077:
                what = f"{reference} can be read by others"
        except (FileNotFoundError, NotADirectoryError):
            what = f"{reference} is not on this box"
            step = (
                f"run kanmon secret set {name}, or write it into {file}, readable by the "
                "gateway's user only"
            )
        except OSError:
            return  # not for our eyes; the daemon runs as somebody who may look
        if what and reference not in reported:
            reported.add(reference)
            yield Finding(
                what=what,
                next=step,
                path=dotted(path),
                location=document.source.location(path),
                level=Level.WARNING,
            )


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
