"""The packaged files before the real systemd-analyze; the daemon under the unit's call filter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from config.store import RUNNING
from gateway.install.service import NAME, Service, is_unedited
from tests.gateway.box import Box, wait_for
from tests.gateway.install import confined
from tests.gateway.meter import meter
from tests.serial_peers import open_pty

EXPOSURE = 2.0
"""The most that `systemd-analyze security` may say."""


def service(
    state: str = "/var/lib/kanmon", *program: str, user: str = "kanmon", group: str = "dialout"
) -> Service:
    return Service(
        program=program or ("/opt/kanmon/bin/kanmon",),
        user=user,
        serial_group=group,
        state=PurePosixPath(state),
    )


def analyzed(folder: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    path = folder / NAME
    path.write_text(text)
    return subprocess.run(
        ["systemd-analyze", *words, str(path)], capture_output=True, text=True, check=False
    )


@pytest.mark.peer("systemd")
@pytest.mark.parametrize("state", ["/var/lib/kanmon", "/var/lib/site/kanmon", "/data/kanmon"])
def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path, state: str) -> None:
    program = tmp_path / "kanmon"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    made = service(state, str(program), "-P", "-m", "gateway.cli")
    done = analyzed(tmp_path, made.unit(), "verify")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_placeholder_is_filled_in() -> None:
    made = service("/data/meters", user="meter", group="uucp")
    for text in (made.unit(), made.sysusers(), made.tmpfiles()):
        assert not re.search("@[A-Z]", text)
        assert "kanmon/bin" in text or "meter" in text
    found = confined.settings(made.unit(), "ConditionPathExists")
    assert found == [str(made.running)] == [f"/data/meters/{RUNNING}"]
    assert confined.settings(made.unit(), "User") == ["meter"]
    assert confined.settings(made.unit(), "SupplementaryGroups") == ["uucp"]
    assert confined.settings(made.unit(), "ReadWritePaths") == ["/data/meters"]
    assert confined.settings(made.unit(), "ExecStart") == [
        "/opt/kanmon/bin/kanmon --state /data/meters run"
    ]
    assert "m meter uucp" in made.sysusers().splitlines()
    assert "d /data/meters 0700 meter meter -" in made.tmpfiles().splitlines()


@pytest.mark.peer("systemd")
def test_its_sandbox_leaves_little_exposed_and_the_serial_ports_open(tmp_path: Path) -> None:
    text = service().unit()
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
    file.write_text(service().unit())
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
        box.kill()
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
    file.write_text(service().unit())
    command = [sys.executable, confined.__file__, str(file), sys.executable, "-c", ASKED]
    root = str(Path(__file__).parents[3])
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": root})


def test_an_edit_is_told_from_the_file_alone() -> None:
    text = service().unit()
    assert is_unedited(text)
    assert not is_unedited(text + "# mine\n")
    assert not is_unedited(text.replace("256M", "1G"))
    assert not is_unedited("[Service]\nExecStart=/bin/true\n")
    assert not is_unedited("")
