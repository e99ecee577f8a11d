"""``kanmon completion``: what a shell needs to complete commands, devices and settings.

Completing starts no daemon and asks none: names are read from the running configuration's text,
whatever else may be wrong with it, and what cannot be read completes to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from console.completion import completion_command

completion = completion_command("kanmon")


def complete_device(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The configured devices whose names begin so, each with its label."""
    return [
        CompletionItem(name, help=label or None)
        for name, label, _ in _configured(context)
        if name.startswith(incomplete)
    ]


def complete_setting(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The settings of the device named before that its profile lets be written."""
    target = str(context.params.get("target") or "")
    url = next((url for name, _, url in _configured(context) if name == target), target)
    found: list[CompletionItem] = []
    with suppress(Exception):  # a shell's prompt is no place for an error
        found = [CompletionItem(name) for name in _writable(_state(context), url)]
    return [item for item in found if item.value.startswith(incomplete)]


def _state(context: click.Context) -> Path:
    return Path(context.find_root().params["state"])


def _configured(context: click.Context) -> Iterator[tuple[str, str, str]]:
    """Name, label and URL of every device in the running configuration."""
    from config.store import RUNNING
    from config.yaml_source import SIZE_LIMIT, parse

    try:
        with (_state(context) / RUNNING).open("rb") as stream:
            data = parse(stream.read(SIZE_LIMIT), RUNNING).data
    except OSError:
        return
    listed = data.get("devices") if isinstance(data, dict) else None
    for device in listed if isinstance(listed, list) else ():
        if isinstance(device, dict) and isinstance(device.get("name"), str):
            yield device["name"], str(device.get("label") or ""), str(device.get("url") or "")


def _writable(state: Path, text: str) -> list[str]:
    from drivers.device_url import DeviceUrl
    from drivers.driver import WritableKind
    from drivers.registry import DRIVERS
    from gateway.configuration.loader import profiles_in

    url = DeviceUrl.parse(text)
    kind = DRIVERS[url.scheme]
    return sorted(kind.settings(url, profiles_in(state))) if isinstance(kind, WritableKind) else []
