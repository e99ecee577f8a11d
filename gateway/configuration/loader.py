"""Reads configuration and profiles in a process of its own, so that the daemon stays small.

::

    daemon --Asked--> python -m gateway.configuration.loader STATE --reads, validates, keeps-->
    files
           <--Told--- (pydantic, PyYAML; gone again after half a second)

What validates takes a quarter of the daemon's memory and is used for a moment at its start and at
a change. The answer is made of plain dataclasses, which need none of it.

Source: design section 9, "the resident set is a feature".
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec

from config.finding import ConfigError, Finding
from config.model import Configuration
from drivers.device_url import DeviceUrl, UrlError
from drivers.modbus.profile import Profile
from drivers.modbus.profile_store import ReadyShelf

PROFILES: Final = "profiles"
"""Folder below the state folder that is searched for profiles before the packaged ones."""
LIMIT_S: Final = 120.0
"""Half a second on a desktop; far more means that the box is out of memory or disk."""

Ask = Callable[[Path, bytes], Awaitable[bytes]]


class LoadingError(Exception):
    """The reading process did not answer."""


class KeepingError(Exception):
    """The disk refused a configuration that could be used; the old one still runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be read.

    Attributes:
        text: A configuration to keep from now on; ``None``: the one that is kept.
        file: Its name, for the findings.
        urls: Devices whose profiles are wanted; ``None``: the configuration's.
    """

    text: bytes | None = None
    file: str = ""
    urls: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was read.

    Attributes:
        configuration: ``None`` when none can be used, or none was asked for.
        findings: Why, or why it is the previous one.
        refused: The system's words when the disk refused.
        profiles, problems: As in `drivers.modbus.profile_store.ReadyShelf`.
    """

    configuration: Configuration | None = None
    findings: tuple[Finding, ...] = ()
    refused: str = ""
    profiles: dict[str, Profile] = field(default_factory=dict)
    problems: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def shelf(self) -> ReadyShelf:
        """The profiles, for drivers."""
        return ReadyShelf(profiles=self.profiles, problems=self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration that can be used, with the profiles it names.

    Attributes:
        configuration: The settings.
        findings: Why it is not the running file that was taken, if it is not.
        shelf: The profiles.
    """

    configuration: Configuration
    findings: tuple[Finding, ...]
    shelf: ReadyShelf


async def ask_apart(state: Path, asked: bytes) -> bytes:
    """Ask a process of its own; cancelled, it is ended.

    Raises:
        LoadingError: It could not be started, failed, or takes too long.
    """
    command = (sys.executable, "-P", "-m", "gateway.configuration.loader", str(state))
    pipe = asyncio.subprocess.PIPE
    try:
        child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    except OSError as error:
        raise LoadingError(f"no process to read it could be started: {error}") from error
    try:
        async with asyncio.timeout(LIMIT_S):
            told, words = await child.communicate(asked)
    except TimeoutError as error:
        raise LoadingError(f"nothing was read within {LIMIT_S:g} s; is memory short?") from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        last = words.decode(errors="replace").strip().rpartition("\n")[2]
        raise LoadingError(f"the process that reads it ended with {child.returncode}: {last}")
    return told


async def ask_here(state: Path, asked: bytes) -> bytes:
    """Ask in this process: for tests, and for whoever has loaded it all anyway."""
    return answer(state, asked)


class Loader:
    """What the daemon reads of one state folder.

    Args:
        state: The folder.
        ask: Who reads.
    """

    def __init__(self, state: Path, ask: Ask = ask_apart) -> None:
        self._state = state
        self._ask = ask

    async def load(self) -> Loaded:
        """The configuration that is kept, else the previous one, with its profiles.

        Raises:
            ConfigError: Neither can be used.
            LoadingError: Nobody could read them.
        """
        return _loaded(await self._told(Asked()))

    async def apply(self, text: bytes, file: str) -> Loaded:
        """Keep ``text`` as the configuration, if it can be used.

        Raises:
            ConfigError: It cannot; nothing was changed.
            KeepingError: The disk refused; the old one is still the one that is kept.
            LoadingError: Nobody could read it.
        """
        return _loaded(await self._told(Asked(text=text, file=file)))

    async def shelf(self, url: str) -> ReadyShelf:
        """The profile that one device's URL names; raises `LoadingError`."""
        return (await self._told(Asked(urls=(url,)))).shelf

    async def _told(self, asked: Asked) -> Told:
        told = await self._ask(self._state, msgspec.msgpack.encode(asked))
        try:
            return msgspec.msgpack.decode(told, type=Told)
        except msgspec.MsgspecError as error:
            raise LoadingError(f"what was read makes no sense: {error}") from error


def _loaded(told: Told) -> Loaded:
    if told.refused:
        raise KeepingError(told.refused)
    if told.configuration is None:
        raise ConfigError(told.findings)
    return Loaded(configuration=told.configuration, findings=told.findings, shelf=told.shelf)


# --- in the process of its own --------------------------------------------------------------------


def answer(state: Path, asked: bytes) -> bytes:
    """Read what is asked for."""
    from config.store import ConfigurationStore

    wanted = msgspec.msgpack.decode(asked, type=Asked)
    if wanted.urls is not None:
        return msgspec.msgpack.encode(_with_profiles(Told(), state, wanted.urls))
    store = ConfigurationStore(state)
    try:
        if wanted.text is None:
            loaded = store.load()
            told = Told(configuration=loaded.configuration, findings=loaded.findings)
        else:
            told = Told(configuration=store.apply(wanted.text, wanted.file))
    except ConfigError as error:
        told = Told(findings=error.findings)
    except OSError as error:
        told = Told(refused=error.strerror or str(error))
    devices = told.configuration.devices if told.configuration else ()
    return msgspec.msgpack.encode(_with_profiles(told, state, [device.url for device in devices]))


def _with_profiles(told: Told, state: Path, urls: Sequence[str]) -> Told:
    from drivers.modbus.profile_loader import FolderShelf, ProfileError

    shelf = FolderShelf((state / PROFILES,))
    profiles: dict[str, Profile] = {}
    problems: dict[str, tuple[str, ...]] = {}
    for name in sorted({name for url in urls if (name := _profile_in(url))}):
        try:
            profiles[name] = shelf.profile(name)
        except ProfileError as error:
            problems[name] = error.problems
    return replace(told, profiles=profiles, problems=problems)


def _profile_in(url: str) -> str | None:
    try:
        return DeviceUrl.parse(url).query.get("profile")
    except UrlError:
        return None  # said when the device is opened


if __name__ == "__main__":
    sys.stdout.buffer.write(answer(Path(sys.argv[1]), sys.stdin.buffer.read()))
