from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.finding import ConfigError
from config.reading import read
from console.templates import config as messages
from console.templates import control, system
from drivers.context import ProfileError
from drivers.modbus.profile_loader import load
from gateway.configuration.loader import (
    Loader,
    LoadError,
    SaveError,
    SendRequest,
    load_in_process,
    load_in_subprocess,
)

GOOD = """\
version: 1
site: {time_zone: Asia/Tokyo}
cloud: {broker: "mqtt://127.0.0.1:1883"}
devices:
  - {name: main, url: "modbus-tcp://127.0.0.1/?profile=eastron-sdm630", current_ratio: 0.1}
  - {name: other, url: "modbus-tcp://127.0.0.1/?unit=2&profile=nobody-has-it"}
  - {name: broken, url: "modbus-tcp:"}
"""


@pytest.fixture(params=[load_in_subprocess, load_in_process], ids=["apart", "here"])
def send(request: pytest.FixtureRequest) -> SendRequest:
    chosen: SendRequest = request.param
    return chosen


async def test_what_is_read_apart_is_what_is_read_here(tmp_path: Path, send: SendRequest) -> None:
    text = GOOD.replace('  - {name: broken, url: "modbus-tcp:"}\n', "")
    (tmp_path / "config.yaml").write_text(text)
    loaded = await Loader(tmp_path, send).load()
    assert loaded.configuration == read(text.encode(), "f")
    assert loaded.findings == ()
    assert loaded.profiles.profile("eastron-sdm630") == load("eastron-sdm630")
    with pytest.raises(ProfileError, match="the profile 'nobody-has-it' does not exist"):
        loaded.profiles.profile("nobody-has-it")


async def test_a_file_that_cannot_be_used_changes_nothing(
    tmp_path: Path, send: SendRequest
) -> None:
    loader = Loader(tmp_path, send)
    with pytest.raises(ConfigError) as caught:
        await loader.apply(GOOD.encode(), "new.yaml")
    (finding,) = caught.value.findings
    assert str(finding).startswith(
        "new.yaml:7:25: devices[2].url: '//' is missing after 'modbus-tcp:'"
    )
    assert list(os.scandir(tmp_path)) == []


async def test_half_a_surrogate_pair_is_a_finding_like_any_other(
    tmp_path: Path, send: SendRequest
) -> None:
    text = GOOD.replace("name: main", r'name: "\ud800"').encode()
    with pytest.raises(ConfigError) as caught:
        await Loader(tmp_path, send).apply(text, "gateway.yaml")
    finding = caught.value.findings[0]
    assert finding.path == "devices[0].name"
    assert r"\ud800" in str(finding.what)


async def test_the_previous_one_is_taken_and_it_is_said_why(
    tmp_path: Path, send: SendRequest
) -> None:
    text = GOOD.replace('  - {name: broken, url: "modbus-tcp:"}\n', "")
    (tmp_path / "config.previous.yaml").write_text(text)
    (tmp_path / "config.yaml").write_text("version: 1\n")
    loaded = await Loader(tmp_path, send).load()
    assert loaded.configuration.devices[0].name == "main"
    assert [finding.path for finding in loaded.findings] == ["site"]


async def test_a_disk_that_refuses_is_told(tmp_path: Path, send: SendRequest) -> None:
    (tmp_path / "config.yaml.new").mkdir()
    text = GOOD.replace('  - {name: broken, url: "modbus-tcp:"}\n', "")
    with pytest.raises(SaveError) as caught:
        await Loader(tmp_path, send).apply(text.encode(), "f")
    assert caught.value.why == system.FOLDER()


async def test_the_profile_of_one_url(tmp_path: Path, send: SendRequest) -> None:
    loader = Loader(tmp_path, send)
    store = await loader.profiles("modbus-tcp://h/?profile=eastron-sdm630")
    assert store.profile("eastron-sdm630").maker == "Eastron"
    assert (await loader.profiles("no url")).profiles == {}


async def test_a_reader_that_dies_is_told(tmp_path: Path) -> None:
    with capture_logs() as logs, pytest.raises(LoadError) as died:
        await load_in_subprocess(tmp_path, b"\xc1")
    assert died.value.why == messages.FAILED(status=1)
    assert died.value.next_step == control.CHECK_LOG()
    (entry,) = logs
    assert entry["event"] == "configuration_reader_failed"
    assert "DecodeError" in entry["output"]

    async def mumble(_state: Path, _asked: bytes) -> bytes:
        return b"\x01"

    with pytest.raises(LoadError) as caught:
        await Loader(tmp_path, mumble).load()
    assert caught.value.why == messages.INVALID_RESULT()
    assert caught.value.next_step


async def test_a_reader_nobody_waits_for_is_ended(tmp_path: Path) -> None:
    task = asyncio.ensure_future(Loader(tmp_path).load())
    while not task.done() and not _children():  # noqa: ASYNC110 - a process has no event for having begun
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _children() == []


def _children() -> list[str]:
    task = Path("/proc/self/task") / str(Path("/proc/thread-self").resolve().name) / "children"
    return [pid for pid in task.read_text().split() if _runs_loading(pid)]


def _runs_loading(pid: str) -> bool:
    try:
        return b"gateway.configuration.loader" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_the_daemon_loads_nothing_that_validates() -> None:
    code = (
        "import sys, gateway.daemon, cloud_link.uplink.uplink\n"
        "import drivers.registry, drivers.modbus.driver\n"
        "bad = {'pydantic', 'pydantic_core', 'yaml'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_daemon_loads_nothing_that_speaks_http() -> None:
    code = (
        "import sys, gateway.daemon, cloud_link.mqtt.connect, drivers.registry\n"
        "bad = {'urllib.request', 'http.client', 'email.message'} & set(sys.modules)\n"
        "assert not bad, bad\n"
        "import urllib.request\n"
        "urllib.request.urlopen('data:,x').read()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


async def test_what_lies_in_the_working_directory_is_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "config").mkdir(parents=True)
    for module in ("config/__init__.py", "msgspec.py", "drivers.py"):
        (elsewhere / module).write_text("raise SystemExit('run')")
    monkeypatch.chdir(elsewhere)
    text = GOOD.replace('  - {name: broken, url: "modbus-tcp:"}\n', "")
    (tmp_path / "config.yaml").write_text(text)
    loaded = await Loader(tmp_path, load_in_subprocess).load()
    assert loaded.configuration.devices[0].name == "main"
