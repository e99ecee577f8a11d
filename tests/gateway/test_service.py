"""The service: its unit before the real systemd-analyze, its installation in real files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from gateway.machine import LocalMachine, ServiceError
from gateway.machine_fakes import FakeMachine
from gateway.service import (
    BACKUP,
    SYSUSERS,
    TMPFILES,
    UNIT,
    Program,
    Step,
    Wish,
    check_booted,
    install_steps,
    status,
    uninstall_steps,
    unit_for,
)
from gateway.unit import NAME, Unit, untouched
from tests.gateway import confined
from tests.gateway.box import Box, wait_for
from tests.gateway.meter import meter
from tests.serial_peers import open_pty

KANMON = "/opt/kanmon/bin/kanmon"
EXPOSURE = 2.0
"""The most that `systemd-analyze security` may say."""


def unit(*, state: str = "/var/lib/kanmon", program: str = KANMON, user: str = "kanmon") -> Unit:
    return unit_for(
        Program.at(PurePosixPath(program)),
        user=user,
        serial_group="dialout",
        state=Path(state),
    )


def machine() -> FakeMachine:
    return FakeMachine(files={KANMON: "#!"})


def do(steps: list[Step]) -> list[str]:
    for step in steps:
        step.do()
    return [step.what for step in steps]


def analyzed(folder: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    path = folder / NAME
    path.write_text(text)
    return subprocess.run(
        ["systemd-analyze", *words, str(path)], capture_output=True, text=True, check=False
    )


# --- the unit -------------------------------------------------------------------------------------


@pytest.mark.peer("systemd")
@pytest.mark.parametrize("state", ["/var/lib/kanmon", "/var/lib/site/kanmon", "/data/kanmon"])
def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path, state: str) -> None:
    program = tmp_path / "kanmon"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    made = Unit(
        program=(str(program), "-P", "-m", "gateway.cli"),
        user="kanmon",
        serial_group="dialout",
        state=PurePosixPath(state),
        running=PurePosixPath(state, "config.yaml"),
    )
    done = analyzed(tmp_path, made.text(), "verify")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.peer("systemd")
def test_its_sandbox_leaves_little_exposed_and_the_serial_ports_open(tmp_path: Path) -> None:
    text = unit().text()
    done = analyzed(tmp_path, text, "security", "--offline=true", f"--threshold={EXPOSURE * 10:g}")
    assert done.returncode == 0, done.stdout
    assert {"char-188 rw", "char-166 rw", "char-ttyS rw", "char-ttyAMA rw"} <= set(
        confined.settings(text, "DeviceAllow")
    )
    assert confined.settings(text, "SupplementaryGroups") == ["dialout"]
    assert not confined.settings(text, "PrivateDevices")
    # The gate itself: a unit without its sandbox does not pass it.
    bare = "[Service]\nExecStart=/bin/true\n"
    words = ("security", "--offline=true", f"--threshold={EXPOSURE * 10:g}")
    assert analyzed(tmp_path, bare, *words).returncode != 0


@pytest.mark.peer("systemd", "seccomp")
def test_the_daemon_does_its_work_under_the_units_filter(tmp_path: Path) -> None:
    file = tmp_path / "unit"
    file.write_text(unit().text())
    ours, held, port = open_pty()
    box = Box(tmp_path / "state", before=(sys.executable, confined.__file__, str(file)))
    try:
        with meter() as device:
            profile = "unit=1&profile=eastron-sdm630"
            (tmp_path / "gateway.yaml").write_text(f"""\
version: 1
site: {{time_zone: UTC}}
gateway: {{health_s: 5}}
cloud: {{broker: "mqtt://localhost:9"}}
devices:
  - {{name: net, url: "modbus-tcp://localhost:{device.port}/?{profile}", every_s: 0.2}}
  - {{name: line, url: "modbus-rtu://{port}?baud=19200&parity=N&{profile}", every_s: 5}}
""")
            assert box.kanmon("config", "apply", str(tmp_path / "gateway.yaml")).returncode == 0
            box.start()
            wait_for("a reading", lambda: box.device("net")["reachability"] == "online")
            wait_for("a question on the line", lambda: _read(ours) != b"")
            wait_for("its silence", lambda: box.device("line")["gravest"] is not None)
            assert box.device("line")["gravest"]["code"] == "comm.timeout"
            # Reads the configuration in a process of its own, which is confined as well.
            assert box.kanmon("config", "apply", str(tmp_path / "gateway.yaml")).returncode == 0
            assert box.end() == 0
            assert "not permitted" not in box.log()
    finally:
        if box.process:
            box.process.kill()
            box.process.wait()
        os.close(ours)
        os.close(held)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1024)
    except BlockingIOError:
        return b""


ASKED = """
import ctypes, os, socket, sys
from gateway.clock import SystemClock
clock = SystemClock()
assert clock._libc.adjtimex(ctypes.create_string_buffer(512)) >= 0, "asking for the time's quality"
for forbidden in (
    lambda: os.setpriority(os.PRIO_PROCESS, 0, 5),
    lambda: os.chroot("/"),
    lambda: socket.socket(socket.AF_NETLINK),
):
    try:
        forbidden()
    except PermissionError:
        continue
    sys.exit("a call that should fail was let through")
"""


@pytest.mark.peer("systemd", "seccomp")
def test_the_filter_lets_the_clock_be_asked_and_forbids_what_it_should(tmp_path: Path) -> None:
    file = tmp_path / "unit"
    file.write_text(unit().text())
    command = [sys.executable, confined.__file__, str(file), sys.executable, "-c", ASKED]
    root = str(Path(__file__).parents[2])
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": root})


def test_an_edit_is_told_from_the_file_alone() -> None:
    text = unit().text()
    assert untouched(text)
    assert not untouched(text + "# mine\n")
    assert not untouched(text.replace("256M", "1G"))
    assert not untouched("[Service]\nExecStart=/bin/true\n")
    assert not untouched("")


# --- what could not work --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", ["/home/pi/state", "/run/user/1", "/", "/var", "/etc/kanmon", "/a b/c", "/a/100%"]
)
def test_a_state_folder_that_the_service_could_not_write_is_refused(state: str) -> None:
    with pytest.raises(ServiceError) as caught:
        unit(state=state)
    assert caught.value.next


@pytest.mark.parametrize("folder", ["/home/pi/venv", "/root/.venv", "/run/user/1000/venv"])
def test_a_program_in_somebodys_home_is_refused_with_what_to_do(folder: str) -> None:
    with pytest.raises(ServiceError) as caught:
        unit(program=f"{folder}/bin/kanmon")
    assert caught.value.where.startswith(folder)
    assert "/opt/kanmon" in caught.value.next


def test_an_interpreter_behind_a_link_into_a_home_is_found() -> None:
    link = Path("/proc/self/root/root/.pyenv/bin/python")  # /proc/self/root leads to /
    program = Program(command=("/opt/kanmon/bin/kanmon",), folders=(link,))
    with pytest.raises(ServiceError) as caught:
        unit_for(program, user="kanmon", serial_group="dialout", state=Path("/var/lib/kanmon"))
    assert caught.value.where == "/root/.pyenv/bin/python"


def test_where_this_program_is_loaded_from_is_known() -> None:
    found = Program.this()
    assert Path(found.command[0]).is_absolute()
    assert Path(sys.prefix) in found.folders
    assert Path(os.__file__).parent in found.folders


def test_root_is_no_account_for_it() -> None:
    there = machine()
    there.accounts["toor"] = 0
    for user in ("root", "toor"):
        with pytest.raises(ServiceError, match="root's account"):
            install_steps(Wish(unit=unit(user=user)), there)


def test_a_program_that_is_not_there_is_refused() -> None:
    with pytest.raises(ServiceError, match="not there"):
        install_steps(Wish(unit=unit()), FakeMachine())


def test_without_systemd_it_says_so() -> None:
    there = machine()
    there.booted = False
    with pytest.raises(ServiceError, match="not run by systemd") as caught:
        check_booted(there)
    assert "kanmon run" in caught.value.next
    with pytest.raises(ServiceError, match="not run by systemd"):
        status(there)
    there.is_image = True
    check_booted(there)


# --- what is done ---------------------------------------------------------------------------------


def test_installing_makes_account_and_unit_enables_and_starts_it_once() -> None:
    there = machine()
    assert do(install_steps(Wish(unit=unit()), there)) == [
        f"write {SYSUSERS}",
        f"run systemd-sysusers {SYSUSERS}",
        f"write {UNIT}",
        f"run systemctl enable {NAME}",
        "run systemctl daemon-reload",
        f"run systemctl restart {NAME}",
    ]
    assert there.account("kanmon")
    assert there.active == there.enabled == {NAME}
    assert status(there)["active"] == "active"
    assert install_steps(Wish(unit=unit()), there) == []


def test_only_what_differs_is_done_again() -> None:
    there = machine()
    do(install_steps(Wish(unit=unit()), there))
    there.active.clear()
    assert do(install_steps(Wish(unit=unit()), there)) == [f"run systemctl start {NAME}"]
    there.run("systemctl", "disable", NAME)
    assert do(install_steps(Wish(unit=unit()), there)) == [f"run systemctl enable {NAME}"]
    del there.accounts["kanmon"]
    again = install_steps(Wish(unit=unit()), there)
    assert do(again) == [f"run systemd-sysusers {SYSUSERS}"]
    elsewhere = do(install_steps(Wish(unit=unit(state="/data/kanmon")), there))
    assert f"write {TMPFILES}" in elsewhere
    assert f"run systemd-tmpfiles --create {TMPFILES}" in elsewhere
    assert "ReadWritePaths=/data/kanmon" in there.files[UNIT]
    assert f"remove {TMPFILES}" in do(install_steps(Wish(unit=unit()), there))


def test_a_newer_unit_takes_the_place_of_ours_and_never_silently_that_of_an_edited_one() -> None:
    there = machine()
    do(install_steps(Wish(unit=unit()), there))
    other = unit(state="/var/lib/other")
    assert f"write {UNIT}" in do(install_steps(Wish(unit=other), there))
    edited = there.files[UNIT] + "Nice=5\n"
    there.files[UNIT] = edited
    with pytest.raises(ServiceError, match="edited") as caught:
        install_steps(Wish(unit=unit()), there)
    assert "systemctl edit kanmon" in caught.value.next
    with pytest.raises(ServiceError, match="edited"):
        uninstall_steps(there, anyway=False)
    assert status(there)["edited"] is True
    do(install_steps(Wish(unit=unit(), anyway=True), there))
    assert there.files[BACKUP] == edited
    assert untouched(there.files[UNIT])


def test_removing_leaves_state_and_account() -> None:
    there = machine()
    there.files["/var/lib/kanmon/config.yaml"] = "version: 1\n"
    do(install_steps(Wish(unit=unit()), there))
    done = do(uninstall_steps(there, anyway=False))
    assert done[0] == f"run systemctl stop {NAME}"
    assert set(there.files) == {KANMON, "/var/lib/kanmon/config.yaml"}
    assert there.account("kanmon")
    assert there.active == there.enabled == set()
    assert uninstall_steps(there, anyway=False) == []


def test_a_start_that_fails_is_told_with_systemds_words() -> None:
    there = machine()
    there.failing["restart"] = "Job for kanmon.service failed"
    with pytest.raises(ServiceError) as caught:
        do(install_steps(Wish(unit=unit()), there))
    assert caught.value.why == "Job for kanmon.service failed"


# --- the command, in the files of an image --------------------------------------------------------


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
    there = LocalMachine(image)
    assert there.account("kanmon")
    assert "dialout:x:" in (there.read("/etc/group") or "")
    assert (image / UNIT.lstrip("/")).stat().st_mode & 0o777 == 0o644

    again = json.loads(install(box, image, "--json").stdout)
    assert again == {"unit": UNIT, "done": [], "waits_for_configuration": True}
    shown = json.loads(box.kanmon("service", "status", "--root", str(image), "--json").stdout)
    assert shown == {"unit": UNIT, "edited": False, "drop_ins": False, "enabled": True}
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
def test_a_state_folder_elsewhere_is_given_to_the_account(box: Box, image: Path) -> None:
    state = image / "data/kanmon"
    state.mkdir(parents=True)
    (state / "config.yaml").write_text("version: 1\n")
    done = install(box, image, "--state", "/data/kanmon", "--user", "meter")
    assert done.returncode == 0, done.stderr
    owner = LocalMachine(image).account("meter")
    assert {path.stat().st_uid for path in (state, state / "config.yaml")} == {owner}
    assert state.stat().st_mode & 0o777 == 0o700
    assert "starts with the machine" in done.stdout


def test_a_rehearsal_shows_everything_and_changes_nothing(box: Box, image: Path) -> None:
    done = install(box, image, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Nothing was changed" in done.stdout
    assert f"- write {UNIT}" in done.stdout
    assert "      ProtectSystem=strict" in done.stdout
    told = json.loads(install(box, image, "--dry-run", "--json").stdout)
    assert untouched(next(s["text"] for s in told["steps"] if s["what"] == f"write {UNIT}"))
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
    assert "not run by systemd" in done.stderr or "installed where" in done.stderr
