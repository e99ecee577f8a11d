"""`kanmon service` in the real files of an image, with systemd's own tools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.install.machine import Machine, ServiceError
from gateway.install.service import NAME, SYSUSERS, TMPFILES, UNIT, is_unedited
from tests.gateway.box import Box

KANMON = "/opt/kanmon/bin/kanmon"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    program = tmp_path / "image" / KANMON.lstrip("/")
    program.parent.mkdir(parents=True)
    program.touch()
    return tmp_path / "image"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(Path("/var/lib/kanmon"))


def install(box: Box, image: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return box.kanmon("service", "install", "--program", KANMON, "--root", str(image), *words)


@pytest.mark.peer("systemd")
@pytest.mark.skipif(os.geteuid() != 0, reason="accounts of an image are made by root")
def test_an_image_is_prepared_by_the_real_tools(box: Box, image: Path) -> None:
    done = install(box, image)
    assert done.returncode == 0, done.stderr
    assert "kanmon config apply FILE" in done.stdout
    wanted = image / "etc/systemd/system/multi-user.target.wants" / NAME
    assert str(wanted.readlink()) == UNIT
    there = Machine(image)
    assert there.account("kanmon")
    assert "dialout:x:" in (there.read("/etc/group") or "")
    assert (image / UNIT.lstrip("/")).stat().st_mode & 0o777 == 0o644

    installed = {path: there.read(path) for path in (SYSUSERS, TMPFILES, UNIT)}
    rehearsed = json.loads(install(box, image, "--dry-run", "--state", "/data/x", "--json").stdout)
    written = {step["message"]: step["text"] for step in rehearsed["steps"] if step["text"]}
    assert written.keys() == {f"write {path}" for path in installed}
    assert {path: there.read(path) for path in installed} == installed
    again = json.loads(install(box, image, "--json").stdout)
    assert again == {"unit": UNIT, "done": [], "waits_for_configuration": True}
    shown = json.loads(box.kanmon("service", "status", "--root", str(image), "--json").stdout)
    assert shown == {"unit": UNIT, "masked": False} | {
        "edited": False,
        "drop_ins": False,
        "enabled": True,
    }
    assert box.kanmon("service", "status", "--root", str(image)).returncode == 0

    with (image / UNIT.lstrip("/")).open("a") as file:
        file.write("Nice=5\n")
    refused = install(box, image)
    assert refused.returncode == 2
    assert "edited since it was installed" in refused.stderr
    assert "edited" in box.kanmon("service", "status", "--root", str(image)).stdout
    removed = box.kanmon("service", "uninstall", "--root", str(image), "--anyway")
    assert removed.returncode == 0, removed.stderr
    assert not os.path.lexists(wanted)
    assert box.kanmon("service", "uninstall", "--root", str(image)).returncode == 0
    missing = box.kanmon("service", "status", "--root", str(image), "--json")
    assert missing.returncode == 2
    assert json.loads(missing.stdout)["error"]["what"] == "the service is not installed"


@pytest.mark.peer("systemd")
@pytest.mark.skipif(os.geteuid() != 0, reason="accounts of an image are made by root")
@pytest.mark.parametrize("folder", ["/data/kanmon", "/var/lib/kanmon"])
def test_a_state_folder_that_is_there_is_given_to_the_account(
    box: Box, image: Path, folder: str
) -> None:
    state = image / folder.lstrip("/")
    state.mkdir(parents=True)
    (state / "config.yaml").write_text("version: 1\n")
    done = install(box, image, "--state", folder, "--user", "meter")
    assert done.returncode == 0, done.stderr
    owner = Machine(image).account("meter")
    assert {path.stat().st_uid for path in (state, state / "config.yaml")} == {owner}
    assert state.stat().st_mode & 0o777 == 0o700
    assert "starts with the machine" in done.stdout

    # Root has made it anew: giving it to the account is all that is left to do.
    for path in (state, state / "config.yaml"):
        os.chown(path, 0, 0)
    again = install(box, image, "--state", folder, "--user", "meter", "--json")
    assert [step["message"] for step in json.loads(again.stdout)["done"]] == [
        "run `systemd-sysusers kanmon.conf`",
        "run `systemd-tmpfiles --create kanmon.conf`",
    ]
    assert {path.stat().st_uid for path in (state, state / "config.yaml")} == {owner}


def test_a_machine_without_systemds_tools_is_told_what_is_missing(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(image))
    with pytest.raises(
        ServiceError, match="'systemd-sysusers' is not installed on this machine"
    ) as caught:
        Machine(image).run("systemd-sysusers", "kanmon.conf")
    assert "install systemd" in str(caught.value.next_step)


def test_what_a_tool_of_systemds_says_is_told_whatever_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "systemctl"
    tool.write_text("#!/bin/sh\nprintf 'unit \\377\\033[31m is bad\\n' >&2; exit 5\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(ServiceError, match="failed with exit code 5") as caught:
        Machine().run("systemctl", "restart", NAME)
    assert str(caught.value.why) == "unit \ufffd\x1b[31m is bad"  # made plain where it is shown


def test_a_rehearsal_shows_everything_and_changes_nothing(box: Box, image: Path) -> None:
    done = install(box, image, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "nothing was changed" in done.stdout
    assert f"- write {UNIT}" in done.stdout
    assert "      ProtectSystem=strict" in done.stdout
    told = json.loads(install(box, image, "--dry-run", "--json").stdout)
    assert is_unedited(next(s["text"] for s in told["steps"] if s["message"] == f"write {UNIT}"))
    assert [path.name for path in image.iterdir()] == ["opt"]
    assert box.kanmon("service", "uninstall", "--root", str(image), "--dry-run").returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ["service"],
        ["service", "install", "--user", "a b"],
        ["service", "install", "--serial-group", "-x"],
        ["service", "install", "--program", "kanmon"],
        ["service", "install", "--root", "/no/such/folder"],
        ["service", "status", "extra"],
    ],
)
def test_wrong_usage_is_3(box: Box, words: list[str]) -> None:
    assert box.kanmon(*words).returncode == 3


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd runs this machine")
@pytest.mark.parametrize(
    "words", [["install", "--program", sys.executable], ["uninstall"], ["status"]]
)
def test_a_machine_without_systemd_is_told_so(box: Box, words: list[str]) -> None:
    done = box.kanmon("service", *words)
    assert done.returncode == 2
    no_systemd = "systemd is not the service manager of this machine"
    assert no_systemd in done.stderr or "in a folder that services cannot see" in done.stderr
