from __future__ import annotations

from pathlib import Path

import pytest

from config.disk import LocalDisk
from config.finding import ConfigError
from config.reading import read
from config.secrets import read_secret
from config.store import ConfigurationStore


def text(label: str) -> bytes:
    return f"""\
version: 1  # a comment that must survive
site: {{time_zone: UTC}}
gateway: {{label: {label}}}
cloud: {{broker: "mqtt://h"}}
""".encode()


class PowerCut(BaseException):
    """The power goes; nothing after it runs."""


class FailingDisk(LocalDisk):
    """Does ``good`` operations; the next one is cut short (a half-written file, or nothing)."""

    def __init__(self, good: int, error: BaseException) -> None:
        self._left = good
        self._error = error

    def _fails(self) -> bool:
        self._left -= 1
        return self._left < 0

    def write(self, path: Path, data: bytes) -> None:
        if self._fails():
            path.write_bytes(data[: len(data) // 2])
            raise self._error
        super().write(path, data)

    def rename(self, old: Path, new: Path) -> None:
        if self._fails():
            raise self._error
        super().rename(old, new)

    def sync_folder(self, folder: Path) -> None:
        if self._fails():
            raise self._error
        super().sync_folder(folder)


def test_a_good_file_runs_and_the_one_before_is_kept(tmp_path: Path) -> None:
    store = ConfigurationStore(tmp_path)
    store.apply(text("one"), "f")
    store.apply(text("two"), "f")
    assert store.running.read_bytes() == text("two")
    assert store.previous.read_bytes() == text("one")
    assert store.load().configuration.gateway.label == "two"
    assert store.running.stat().st_mode & 0o777 == 0o600


def test_applying_the_same_twice_keeps_the_one_before(tmp_path: Path) -> None:
    store = ConfigurationStore(tmp_path)
    for label in ("one", "two", "two"):
        store.apply(text(label), "f")
    assert store.previous.read_bytes() == text("one")


def test_a_bad_file_replaces_nothing(tmp_path: Path) -> None:
    store = ConfigurationStore(tmp_path)
    store.apply(text("one"), "f")
    with pytest.raises(ConfigError, match="version of the file is missing"):
        store.apply(b"nonsense: true", "f")
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
    assert store.load().configuration.gateway.label == "one"


def test_a_running_file_spoilt_by_hand_gives_way_to_the_previous_one(tmp_path: Path) -> None:
    store = ConfigurationStore(tmp_path)
    store.apply(text("one"), "f")
    store.apply(text("two"), "f")
    store.running.write_bytes(b"version: 1\nsite:\n")
    loaded = store.load()
    assert loaded.configuration.gateway.label == "one"
    assert loaded.path == store.previous
    assert loaded.findings
    store.apply(text("three"), "f")
    assert store.previous.read_bytes() == text("one")


def test_without_any_file_the_next_step_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="kanmon config apply"):
        ConfigurationStore(tmp_path).load()


@pytest.mark.parametrize("good", range(7))
@pytest.mark.parametrize("error", [PowerCut(), OSError(28, "No space left on device")])
def test_whatever_moment_the_disk_fails_both_files_are_whole(
    tmp_path: Path, good: int, error: BaseException
) -> None:
    ConfigurationStore(tmp_path).apply(text("zero"), "f")
    ConfigurationStore(tmp_path).apply(text("one"), "f")
    failing = ConfigurationStore(tmp_path, FailingDisk(good, error))
    done = good >= 6
    if done:
        failing.apply(text("two"), "f")
    else:
        with pytest.raises(type(error)):
            failing.apply(text("two"), "f")
    store = ConfigurationStore(tmp_path)
    loaded = store.load()
    assert not loaded.findings
    assert loaded.configuration.gateway.label == ("two" if good >= 5 else "one")
    read(store.previous.read_bytes(), "previous")
    assert store.apply(text("three"), "f").gateway.label == "three"
    assert store.load().configuration.gateway.label == "three"


def test_secrets_are_files_of_the_state_folder(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "broker").write_text("hunter2\n")
    assert read_secret(tmp_path, "secret:broker") == "hunter2"
    with pytest.raises(ConfigError, match="kanmon secret set other"):
        read_secret(tmp_path, "secret:other")
    with pytest.raises(ConfigError, match="not a reference to a secret"):
        read_secret(tmp_path, "secret:../config.yaml")


def test_a_folder_nothing_was_applied_to_says_so_and_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        ConfigurationStore(tmp_path).load()
    (finding,) = caught.value.findings
    assert str(finding.what) == "this gateway has no configuration yet"
    assert "kanmon config apply FILE" in str(finding.next)
    assert "--state" in str(finding.next)
