"""The files of the running configuration, and their replacement.

::

    STATE/config.yaml            what runs; the operator's text, comments and all
    STATE/config.previous.yaml   the last good one before it

A replacement is validated first, written beside, synchronised, and renamed into place: at every
instant both names hold either the whole old or the whole new text. Only a text that can be used
ever becomes either file. Source: rename(2), fsync(2); design section 7.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.disk import Disk, LocalDisk, replace_file
from config.finding import ConfigError, Finding, SourceLocation
from config.model import Configuration
from config.reading import read
from config.yaml_source import SIZE_LIMIT
from console.templates import config as messages
from console.templates import control, system

RUNNING = "config.yaml"
PREVIOUS = "config.previous.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConfiguration:
    """A configuration that was loaded.

    Attributes:
        configuration: The settings.
        path: The file they were read from.
        findings: Why the running file was not used, if it was not.
    """

    configuration: Configuration
    path: Path
    findings: tuple[Finding, ...] = ()


class ConfigurationStore:
    """The configuration files of one state folder."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self._folder = folder
        self._disk = disk or LocalDisk()

    @property
    def running(self) -> Path:
        """The file that holds the running configuration."""
        return self._folder / RUNNING

    @property
    def previous(self) -> Path:
        """The file that holds the last good configuration before it."""
        return self._folder / PREVIOUS

    def load(self) -> StoredConfiguration:
        """The running configuration, or the previous one when that cannot be used.

        Raises:
            ConfigError: Neither can be used; the findings are the running file's.
        """
        try:
            return StoredConfiguration(configuration=load(self.running), path=self.running)
        except ConfigError as error:
            with suppress(ConfigError):
                return StoredConfiguration(
                    configuration=load(self.previous), path=self.previous, findings=error.findings
                )
            if isinstance(error.__cause__, FileNotFoundError):
                raise ConfigError((self._nothing_applied(),)) from error
            raise

    def _nothing_applied(self) -> Finding:
        at = SourceLocation(file=str(self.running))
        return Finding(what=messages.NOTHING_APPLIED(), next=messages.APPLY(), location=at)

    def apply(self, text: bytes, file: str) -> Configuration:
        """Make ``text`` the running configuration, if it is valid.

        The one that ran until now becomes the previous one, unless it was not valid itself.
        Applying the text that already runs changes nothing.

        Args:
            text: The new file's content.
            file: Its name, for the findings.

        Raises:
            ConfigError: The text cannot be used; nothing was changed.
            OSError: The disk refused; the old configuration is still the running one.
        """
        configuration = read(text, file)
        current = self._good(self.running)
        if current == text:
            return configuration
        if current is not None:
            replace_file(self._disk, self.previous, current)
        replace_file(self._disk, self.running, text)
        return configuration

    def _good(self, path: Path) -> bytes | None:
        try:
            text = path.read_bytes()
            read(text, str(path))
        except (OSError, ConfigError):
            return None
        return text


def load(path: Path) -> Configuration:
    """The configuration in a file; raises `ConfigError`, also when it cannot be opened."""
    return read(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """Read a configuration file, at most `SIZE_LIMIT` and one bytes; raises `ConfigError`."""
    try:
        with path.open("rb") as file:
            return file.read(SIZE_LIMIT + 1)
    except OSError as error:
        finding = Finding(
            what=system.FILE_UNREADABLE(),
            why=system.reason(error),
            next=_STEPS.get(type(error), messages.CHECK_DISK)(),
            location=SourceLocation(file=str(path)),
        )
        raise ConfigError((finding,)) from error


_STEPS: Final = {
    FileNotFoundError: messages.EXISTING_FILE,
    PermissionError: control.AS_OWNER,
    NotADirectoryError: messages.CORRECT_PATH,
    IsADirectoryError: messages.FILE_IN_FOLDER,
}
"""What to do about a file that cannot be read."""
