"""What a configuration alone cannot know: whether there are drivers and profiles for it.

Everything found is a `config.finding.Finding`, like what reading the file finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from config.finding import Finding, Weight, dotted, position
from config.model import SECRET_REFERENCE, Configuration
from config.reading import Document
from config.yaml_source import Source
from drivers.shelf import Shelf
from gateway.devices import DeviceError, Found, find

IDENTITY = "identity"
"""The poll group that tells who a device is: it has no values to draw (`drivers.profile_model`)."""


def check(document: Document, state: Path, shelf: Shelf) -> list[Finding]:
    """Everything that would keep this configuration, or a device of it, from working here.

    Args:
        document: A configuration that could be read.
        state: The state folder, where secrets are.
        shelf: Where the profiles are.
    """
    configuration, source = document.configuration, document.source
    findings = [*_devices(configuration, source, shelf), *_secrets(document, state)]
    return sorted(findings, key=position)


def check_urls(source: Source, shelf: Shelf) -> list[Finding]:
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
            find(url, shelf)
        except DeviceError as error:
            findings += _problems(error, source, index)
    return findings


def _problems(error: DeviceError, source: Source, index: int) -> list[Finding]:
    path = ("devices", index, "url")
    return [
        Finding(what=problem, path=dotted(path), place=source.place(path))
        for problem in error.problems
    ]


def _devices(configuration: Configuration, source: Source, shelf: Shelf) -> Iterator[Finding]:
    addresses: dict[tuple[str, str], str] = {}
    for index, device in enumerate(configuration.devices):
        path = ("devices", index, "url")
        try:
            found = find(device.url, shelf)
            periods = found.kind.groups(found.url, shelf)
        except DeviceError as error:
            yield from _problems(error, source, index)
            continue
        first = addresses.setdefault(_address(found), device.name)
        if first != device.name:
            yield Finding(
                what=f"this is the device that {first!r} polls already",
                why="two polls of one device cost the line twice and count it twice",
                next="correct the unit or the address, or take one of them out",
                path=dotted(path),
                place=source.place(path),
                weight=Weight.WARNING,
            )
        values = (p for group, p in periods.items() if group != IDENTITY and p is not None)
        slowest = max(values, default=0.0)
        if slowest > configuration.gateway.heartbeat_s:
            yield Finding(
                what=f"its slowest values are read every {slowest:g} s",
                why="a chart shows a gap where nothing came for 1.5 heartbeats",
                next=f"set gateway.heartbeat_s to {slowest:g} or more",
                path=dotted(path),
                place=source.place(path),
                weight=Weight.WARNING,
            )


def _address(found: Found) -> tuple[str, str]:
    return (found.kind.line(found.url), found.url.query.get("unit", "1"))


def _secrets(document: Document, state: Path) -> Iterator[Finding]:
    reference = document.configuration.cloud.password
    if reference is None or not SECRET_REFERENCE.fullmatch(reference):
        return
    path = state / "secrets" / reference.removeprefix("secret:")
    try:
        present = path.is_file()
    except OSError:
        return  # not for our eyes; the daemon runs as somebody who may look
    if not present:
        yield Finding(
            what=f"{reference} is not on this box",
            next=f"write the secret into {path}, readable by the gateway's user only",
            path="cloud.password",
            place=document.source.place(("cloud", "password")),
            weight=Weight.WARNING,
        )
