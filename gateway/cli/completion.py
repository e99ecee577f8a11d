"""``kanmon completion``: what a shell needs to complete commands, devices, profiles and settings.

Names of devices are those of the running daemon, if it answers at once, else those of the applied
configuration's text, whatever else may be wrong with it. What cannot be read completes to nothing:
an error must not appear at a shell's prompt, and completion must not make it wait.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from console.completion import completion_command

completion = completion_command("kanmon")

_PATIENCE_S: Final = 0.2
"""How long the daemon may take; it answers within a few milliseconds."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""A device or a profile: no command takes any other name as an argument either."""
_PROFILE: Final = re.compile(r"(modbus[^?]*\?(?:[^&]*&)*profile=)([^&]*)")


def complete_device(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The devices whose names begin so, each with its label; in a URL, the profiles."""
    found: list[CompletionItem] = []
    with suppress(Exception):
        state = _state(context)
        if "://" in incomplete:
            found = list(_urls(state, incomplete))
        else:
            found = [CompletionItem(name, help=label or None) for name, label in _devices(state)]
    return [item for item in found if item.value.startswith(incomplete)]


def complete_setting(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The settings of the device named before that its profile lets be written."""
    target = str(context.params.get("target") or "")
    found: list[CompletionItem] = []
    with suppress(Exception):
        state = _state(context)
        url = next((d["url"] for d in _configured(state) if d["name"] == target), target)
        found = [CompletionItem(name) for name in _writable(state, str(url))]
    return [item for item in found if item.value.startswith(incomplete)]


def _state(context: click.Context) -> Path:
    return Path(context.find_root().params["state"])


def _urls(state: Path, incomplete: str) -> Iterator[CompletionItem]:
    """A URL with each profile that may take the place of the one it ends in."""
    from gateway.configuration.loader import profile_names

    typed = _PROFILE.fullmatch(incomplete)
    for name in profile_names(state) if typed else ():
        if typed and _NAME.fullmatch(name):
            yield CompletionItem(f"{typed[1]}{name}")


def _devices(state: Path) -> Iterator[tuple[str, str]]:
    """Name and label of every device."""
    from gateway.control.client import call
    from gateway.control.protocol import ControlError

    devices: list[dict[str, Any]]
    try:
        devices = call(state, "devices", _PATIENCE_S)
    except ControlError:
        devices = list(_configured(state))
    for device in devices:
        if _NAME.fullmatch(device["name"]):
            yield device["name"], str(device.get("label") or "")


def _configured(state: Path) -> Iterator[dict[str, Any]]:
    """Every device with a name in the running configuration's text."""
    from config.store import RUNNING
    from config.yaml_source import parse

    data = parse(_text(state / RUNNING), RUNNING).data
    listed = data.get("devices") if isinstance(data, dict) else None
    for device in listed if isinstance(listed, list) else ():
        if isinstance(device, dict) and isinstance(device.get("name"), str):
            yield device


def _text(path: Path) -> bytes:
    """The text of a plain file; of anything else, such as a pipe without a writer, nothing."""
    from config.yaml_source import SIZE_LIMIT

    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return file.read(SIZE_LIMIT) if plain else b""


def _writable(state: Path, text: str) -> list[str]:
    from drivers.device_url import DeviceUrl
    from drivers.driver import WritableKind
    from drivers.registry import DRIVERS
    from gateway.configuration.loader import profiles_in

    url = DeviceUrl.parse(text)
    kind = DRIVERS[url.scheme]
    return sorted(kind.settings(url, profiles_in(state))) if isinstance(kind, WritableKind) else []
