"""Reads configuration and profiles in a process of its own, so that the daemon stays small.

::

    daemon --LoadRequest-->  python -m gateway.configuration.loader STATE
                               reads, validates and saves the files of STATE
           <--LoadResult--   (pydantic, PyYAML; it ends after half a second)

Validation takes a quarter of the daemon's memory and is used for a moment at its start and at a
change. The result is made of plain dataclasses, which need none of it.

Source: design section 9, "the resident set is a feature".
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from config.finding import ConfigError, Finding
from config.model import Configuration
from console.catalogue import decode
from console.templates import config as messages
from console.templates import control, system
from console.text import Duration, Message, MessageError
from drivers.device_url import DeviceUrl, UrlError
from drivers.modbus.profile import Profile
from drivers.modbus.profile_store import LoadedProfiles

if TYPE_CHECKING:
    from drivers.context import ProfileStore

PROFILES: Final = "profiles"
"""Folder below the state folder that is searched for profiles before the packaged ones."""
LIMIT_S: Final = 120.0
"""Half a second is usual on a desktop; this long means that the box is out of memory or disk."""

CHECK_MEMORY: Final = messages.CHECK_MEMORY()
log = structlog.get_logger("kanmon.configuration")

SendRequest = Callable[[Path, bytes], Awaitable[bytes]]
"""Takes the state folder and an encoded `LoadRequest`; returns the encoded `LoadResult`."""


class LoadError(MessageError):
    """The process that reads the configuration failed."""

    def __init__(self, why: Message, *, next_step: Message = CHECK_MEMORY) -> None:
        super().__init__(control.CONFIGURATION_NOT_LOADED(), why=why, next_step=next_step)


class SaveError(MessageError):
    """A valid configuration could not be written to disk; the old one still runs."""

    def __init__(self, why: Message) -> None:
        what, step = control.CONFIGURATION_NOT_SAVED(), control.FREE_SPACE()
        super().__init__(what, why=why, next_step=step)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """What to read of a state folder.

    Attributes:
        text: A configuration to save as the running one; ``None``: read the one that is saved.
        file: The name of the file that ``text`` came from, for the findings.
        urls: Devices whose profiles to read; ``None``: those of the configuration.
    """

    text: bytes | None = None
    file: str = ""
    urls: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What was read of a state folder.

    Attributes:
        configuration: The settings; ``None`` when none are valid, or none were requested.
        findings: Why there are none, or why they are the previous ones; as
            `config.finding.Finding.to_wire`.
        disk_error: Why the configuration could not be saved, as `console.text.Message.to_json`.
        profiles: As in `drivers.modbus.profile_store.LoadedProfiles`.
        faults: By a profile's name, why there is none; as `config.finding.Finding.to_wire`.
    """

    configuration: Configuration | None = None
    findings: tuple[dict[str, Any], ...] = ()
    disk_error: dict[str, Any] | None = None
    profiles: dict[str, Profile] = field(default_factory=dict)
    faults: dict[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)

    @property
    def store(self) -> LoadedProfiles:
        """The profiles, as drivers read them."""
        findings = {
            name: tuple(Finding.from_wire(one) for one in faults)
            for name, faults in self.faults.items()
        }
        return LoadedProfiles(profiles=self.profiles, findings=findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfiguration:
    """A valid configuration, with the profiles that it names.

    Attributes:
        configuration: The settings.
        findings: Why it was read from the previous file, where it was.
        profiles: Those that it names.
    """

    configuration: Configuration
    findings: tuple[Finding, ...]
    profiles: LoadedProfiles


async def load_in_subprocess(state: Path, request: bytes) -> bytes:
    """Handle a request in a process of its own, which is killed when this is cancelled.

    Raises:
        LoadError: The process could not be started, failed, or took longer than `LIMIT_S`.
    """
    command = (sys.executable, "-P", "-m", "gateway.configuration.loader", str(state))
    pipe = asyncio.subprocess.PIPE
    try:
        child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    except OSError as error:
        raise LoadError(messages.NOT_STARTED(reason=system.reason(error))) from error
    try:
        async with asyncio.timeout(LIMIT_S):
            answer, words = await child.communicate(request)
    except TimeoutError as error:
        raise LoadError(messages.NOT_FINISHED(limit=Duration(LIMIT_S))) from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        output = words.decode(errors="replace").strip()
        log.error("configuration_reader_failed", status=child.returncode, output=output)
        # A negative status is a signal, as of the kernel when memory runs out.
        step = control.CHECK_LOG() if child.returncode > 0 else CHECK_MEMORY
        raise LoadError(messages.FAILED(status=child.returncode), next_step=step)
    return answer


async def load_in_process(state: Path, request: bytes) -> bytes:
    """Handle a request in this process: for tests."""
    return handle_request(state, request)


class Loader:
    """Reads and saves the configuration of one state folder.

    Args:
        state: The folder.
        send: Has a request handled.
    """

    def __init__(self, state: Path, send: SendRequest = load_in_subprocess) -> None:
        self._state = state
        self._send = send

    async def load(self) -> LoadedConfiguration:
        """Load the saved configuration, or the previous one where it is not valid.

        Raises:
            ConfigError: Neither is valid.
            LoadError: They could not be read.
        """
        return _loaded(await self._request(LoadRequest()))

    async def apply(self, text: bytes, file: str) -> LoadedConfiguration:
        """Save ``text`` as the running configuration, if it is valid.

        Raises:
            ConfigError: It is not valid; nothing was changed.
            SaveError: It could not be written; the old one is still the running one.
            LoadError: It could not be read.
        """
        return _loaded(await self._request(LoadRequest(text=text, file=file)))

    async def profiles(self, url: str) -> LoadedProfiles:
        """Load the profile that the URL of one device names; raises `LoadError`."""
        return (await self._request(LoadRequest(urls=(url,)))).store

    async def _request(self, request: LoadRequest) -> LoadResult:
        answer = await self._send(self._state, msgspec.msgpack.encode(request))
        try:
            return msgspec.msgpack.decode(answer, type=LoadResult, dec_hook=_from_text)
        except msgspec.MsgspecError as error:
            raise LoadError(messages.INVALID_RESULT()) from error


def _from_text(kind: type, text: Any) -> Any:
    """A ratio, the only value of a configuration that msgpack has no form for."""
    if kind is not Fraction:
        raise NotImplementedError(kind.__name__)
    return Fraction(text)


def _loaded(result: LoadResult) -> LoadedConfiguration:
    if result.disk_error:
        raise SaveError(decode(result.disk_error))
    findings = tuple(Finding.from_wire(one) for one in result.findings)
    if result.configuration is None:
        raise ConfigError(findings)
    return LoadedConfiguration(
        configuration=result.configuration, findings=findings, profiles=result.store
    )


def profiles_in(state: Path) -> ProfileStore:
    """The profiles that devices may name: those of the state folder before the packaged ones."""
    from drivers.modbus.profile_loader import FolderProfiles

    return FolderProfiles((state / PROFILES,))


def profile_names(state: Path) -> list[str]:
    """The names of the profiles in `profiles_in`."""
    from drivers.modbus.profile_loader import names

    return names((state / PROFILES,))


# --- in the process of its own --------------------------------------------------------------------


def handle_request(state: Path, request: bytes) -> bytes:
    """Handle an encoded `LoadRequest`, and return the `LoadResult`, encoded."""
    from config.store import ConfigurationStore

    decoded = msgspec.msgpack.decode(request, type=LoadRequest)
    if decoded.urls is not None:
        return _encoded(_with_profiles(LoadResult(), state, decoded.urls))
    store = ConfigurationStore(state)
    try:
        if decoded.text is None:
            loaded = store.load()
            findings = tuple(one.to_wire() for one in loaded.findings)
            result = LoadResult(configuration=loaded.configuration, findings=findings)
        else:
            result = LoadResult(configuration=store.apply(decoded.text, decoded.file))
    except ConfigError as error:
        result = LoadResult(findings=tuple(one.to_wire() for one in error.findings))
    except OSError as error:
        result = LoadResult(disk_error=system.reason(error).to_json())
    devices = result.configuration.devices if result.configuration else ()
    return _encoded(_with_profiles(result, state, [device.url for device in devices]))


def _encoded(result: LoadResult) -> bytes:
    result = replace(result, findings=_carried(result.findings), faults=_carried(result.faults))
    return msgspec.msgpack.encode(result, enc_hook=_to_text)


def _carried(value: Any) -> Any:
    """What findings say, with half a surrogate pair, which YAML can name, as an escape."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_carried(name): _carried(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_carried(one) for one in value)
    return value


def _to_text(value: Any) -> str:
    if not isinstance(value, Fraction):
        raise NotImplementedError(type(value).__name__)
    return str(value)


def _with_profiles(result: LoadResult, state: Path, urls: Sequence[str]) -> LoadResult:
    from drivers.modbus.profile_loader import FolderProfiles, ProfileError

    store = FolderProfiles((state / PROFILES,))
    profiles: dict[str, Profile] = {}
    faults: dict[str, tuple[dict[str, Any], ...]] = {}
    for name in sorted({name for url in urls if (name := _profile_in(url))}):
        try:
            profiles[name] = store.profile(name)
        except ProfileError as error:
            faults[name] = tuple(finding.to_wire() for finding in error.findings)
    return replace(result, profiles=profiles, faults=faults)


def _profile_in(url: str) -> str | None:
    try:
        return DeviceUrl.parse(url).profile
    except UrlError:
        return None  # said when the device is opened


if __name__ == "__main__":
    sys.stdout.buffer.write(handle_request(Path(sys.argv[1]), sys.stdin.buffer.read()))
