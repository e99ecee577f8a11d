"""What is done to install and to remove the service, and what is refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath

import pytest

from gateway.install.machine import Machine, ServiceError
from gateway.install.preconditions import Program, check_booted
from gateway.install.service import (
    BACKUP,
    NAME,
    RUN_COMMAND,
    SYSUSERS,
    TMPFILES,
    UNIT,
    WANTED,
    Service,
    Step,
    install_steps,
    is_unedited,
    uninstall_steps,
)
from gateway.install.service_status import service_status
from tests.gateway.install.booted_machine import BootedMachine

KANMON = "/opt/kanmon/bin/kanmon"


def service(
    *, state: str = "/var/lib/kanmon", program: str = KANMON, user: str = "kanmon"
) -> Service:
    return Service.of(
        Program.at(PurePosixPath(program)),
        user=user,
        serial_group="dialout",
        state=Path(state),
    )


@pytest.fixture
def machine(tmp_path: Path) -> BootedMachine:
    found = BootedMachine(root=tmp_path)
    found.write(KANMON, "#!")
    return found


def do(steps: list[Step]) -> list[str]:
    for step in steps:
        step.do()
    return [str(step.what) for step in steps]


# --- what could not work --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", ["/home/pi/state", "/run/user/1", "/", "/var", "/etc/kanmon", "/a b/c", "/a/100%"]
)
def test_a_state_folder_that_the_service_could_not_write_is_refused(state: str) -> None:
    with pytest.raises(ServiceError) as caught:
        service(state=state)
    assert caught.value.next_step


@pytest.mark.parametrize("folder", ["/home/pi/venv", "/root/.venv", "/run/user/1000/venv"])
def test_a_program_in_somebodys_home_is_refused_with_what_to_do(folder: str) -> None:
    with pytest.raises(ServiceError) as caught:
        service(program=f"{folder}/bin/kanmon")
    assert caught.value.where.startswith(folder)
    assert "/opt/kanmon" in str(caught.value.next_step)


def test_an_interpreter_behind_a_link_into_a_home_is_found() -> None:
    link = Path("/proc/self/root/root/.pyenv/bin/python")  # /proc/self/root leads to /
    program = Program(command=("/opt/kanmon/bin/kanmon",), folders=(link,))
    with pytest.raises(ServiceError) as caught:
        Service.of(program, user="kanmon", serial_group="dialout", state=Path("/var/lib/kanmon"))
    assert caught.value.where == "/root/.pyenv/bin/python"


def test_where_this_program_is_loaded_from_is_known() -> None:
    found = Program.current()
    assert Path(found.command[0]).is_absolute()
    assert Path(sys.prefix) in found.folders
    assert Path(os.__file__).parent in found.folders


def test_root_is_no_account_for_it(machine: BootedMachine) -> None:
    machine.accounts["toor"] = 0
    for user in ("root", "toor"):
        with pytest.raises(ServiceError, match="root's account"):
            install_steps(service(user=user), machine)


def test_a_program_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="not installed at this path"):
        install_steps(service(), BootedMachine(root=tmp_path))


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd runs this machine")
def test_without_systemd_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="systemd is not the service manager") as caught:
        check_booted(Machine())
    assert "kanmon run" in str(caught.value.next_step)
    with pytest.raises(ServiceError, match="systemd is not the service manager"):
        service_status(Machine())
    check_booted(Machine(tmp_path))


@pytest.mark.parametrize("state", ["/var/lib/dpkg", "/data/photos"])
def test_a_folder_that_holds_something_else_is_not_given_away(
    machine: BootedMachine, state: str
) -> None:
    machine.write(f"{state}/status", "somebody's")
    with pytest.raises(ServiceError, match="not a state folder") as caught:
        install_steps(service(state=state), machine)
    assert caught.value.where == state
    assert "status" in str(caught.value.why)
    assert "--state" in str(caught.value.next_step)


@pytest.mark.parametrize("name", ["config.yaml", "spool/spool.db", "lost+found/x", "box.json"])
def test_a_folder_of_ours_and_an_empty_disk_are_taken(machine: BootedMachine, name: str) -> None:
    machine.write(f"/data/kanmon/{name}", "")
    assert install_steps(service(state="/data/kanmon"), machine)


def test_a_state_folder_that_leads_into_a_home_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").symlink_to("/home/pi/kanmon")
    link = Path("/proc/self/root", *tmp_path.parts[1:], "state")  # /tmp itself is refused, too
    with pytest.raises(ServiceError) as caught:
        service(state=str(link))
    assert caught.value.next_step


# --- what is done ---------------------------------------------------------------------------------


def test_installing_makes_account_and_unit_enables_and_starts_it_once(
    machine: BootedMachine,
) -> None:
    assert do(install_steps(service(), machine)) == [
        f"write {SYSUSERS}",
        f"write {TMPFILES}",
        "run `systemd-sysusers kanmon.conf`",
        "run `systemd-tmpfiles --create kanmon.conf`",
        f"write {UNIT}",
        f"run `systemctl enable {NAME}`",
        "run `systemctl daemon-reload`",
        f"run `systemctl restart {NAME}`",
    ]
    assert machine.account("kanmon")
    assert machine.owns("kanmon", "/var/lib/kanmon")
    assert machine.active == {NAME}
    assert machine.exists(WANTED)
    assert service_status(machine)["active"] == "active"
    assert install_steps(service(), machine) == []


def test_only_what_differs_is_done_again(machine: BootedMachine) -> None:
    do(install_steps(service(), machine))
    machine.active.clear()
    assert do(install_steps(service(), machine)) == [f"run `systemctl start {NAME}`"]
    machine.run("systemctl", "disable", NAME)
    assert do(install_steps(service(), machine)) == [f"run `systemctl enable {NAME}`"]


@pytest.mark.parametrize("lost", ["account", "folder"])
def test_a_lost_account_or_folder_is_made_again(machine: BootedMachine, lost: str) -> None:
    do(install_steps(service(), machine))
    if lost == "account":
        del machine.accounts["kanmon"]
    else:
        machine.owners["/var/lib/kanmon"] = "root"  # made again by an enrolment, say
    assert do(install_steps(service(), machine)) == [
        "run `systemd-sysusers kanmon.conf`",
        "run `systemd-tmpfiles --create kanmon.conf`",
    ]
    assert machine.owns("kanmon", "/var/lib/kanmon")


def test_a_state_folder_elsewhere_is_made_and_may_be_written(machine: BootedMachine) -> None:
    do(install_steps(service(), machine))
    assert f"write {TMPFILES}" in do(install_steps(service(state="/data/kanmon"), machine))
    assert machine.owns("kanmon", "/data/kanmon")
    assert "\nReadWritePaths=/data/kanmon\n" in (machine.read(UNIT) or "")


def test_a_newer_unit_takes_the_place_of_ours_and_never_silently_that_of_an_edited_one(
    machine: BootedMachine,
) -> None:
    do(install_steps(service(), machine))
    other = service(state="/var/lib/other")
    assert f"write {UNIT}" in do(install_steps(other, machine))
    edited = other.unit() + "Nice=5\n"
    machine.write(UNIT, edited)
    with pytest.raises(ServiceError, match="edited") as caught:
        install_steps(service(), machine)
    assert "systemctl edit kanmon" in str(caught.value.next_step)
    with pytest.raises(ServiceError, match="edited"):
        uninstall_steps(machine)
    assert service_status(machine)["edited"] is True
    do(install_steps(service(), machine, anyway=True))
    assert machine.read(BACKUP) == edited
    assert is_unedited(machine.read(UNIT) or "")


def test_removing_leaves_state_and_account(machine: BootedMachine) -> None:
    machine.write("/var/lib/kanmon/config.yaml", "version: 1\n")
    do(install_steps(service(), machine))
    done = do(uninstall_steps(machine))
    assert done[0] == f"run `systemctl stop {NAME}`"
    assert machine.files() == {KANMON, "/var/lib/kanmon/config.yaml"}
    assert machine.account("kanmon")
    assert machine.active == set()
    assert uninstall_steps(machine) == []


def test_a_start_that_fails_is_told_with_systemds_words(machine: BootedMachine) -> None:
    machine.failing["restart"] = "Job for kanmon.service failed"
    with pytest.raises(ServiceError) as caught:
        do(install_steps(service(), machine))
    assert str(caught.value.why) == "Job for kanmon.service failed"


MOVED = {"state": "/data/kanmon", "user": "meter"}


@pytest.mark.parametrize("steps_done", range(8))
def test_an_installation_that_was_interrupted_is_finished_by_the_next(
    machine: BootedMachine, steps_done: int
) -> None:
    """Killed after any of its steps, the next one leaves what an undisturbed one does."""
    do(install_steps(service(), machine))
    machine.write("/data/kanmon/config.yaml", "version: 1\n")  # and root's, as yet
    moved = service(**MOVED)
    planned = install_steps(moved, machine)
    assert len(planned) == 7
    do(planned[:steps_done])
    do(install_steps(moved, machine))
    for path, text in (
        (UNIT, moved.unit()),
        (SYSUSERS, moved.sysusers()),
        (TMPFILES, moved.tmpfiles()),
    ):
        assert machine.read(path) == text
    assert machine.owns("meter", "/data/kanmon")
    assert machine.loaded[NAME] == moved.unit()
    if planned[steps_done - 1].what != RUN_COMMAND(command="systemctl daemon-reload"):
        assert machine.started[NAME] == moved.unit()
    assert install_steps(moved, machine) == []


def test_a_masked_service_stays_masked(machine: BootedMachine) -> None:
    machine.write(UNIT, "")  # what reading a link to /dev/null gives
    for anyway in (False, True):
        with pytest.raises(ServiceError, match="masked") as caught:
            install_steps(service(), machine, anyway=anyway)
        assert "systemctl unmask kanmon" in str(caught.value.next_step)
        with pytest.raises(ServiceError, match="masked"):
            uninstall_steps(machine, anyway=anyway)
    assert service_status(machine)["masked"] is True
    assert service_status(machine)["edited"] is False


def test_no_edited_unit_is_lost_to_a_later_one(machine: BootedMachine) -> None:
    edits = []
    for number in range(3):
        do(install_steps(service(), machine))
        edits.append(f"{machine.read(UNIT)}Nice={number}\n")
        machine.write(UNIT, edits[-1])
        do(install_steps(service(), machine, anyway=True))
    kept = [machine.read(path) for path in machine.files() if path.startswith(BACKUP)]
    assert sorted(map(str, kept)) == sorted(edits)


# --- the links of an image ------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["{outside}", "{up}{outside}"], ids=["absolute", "relative"])
@pytest.mark.parametrize("link", ["/etc", "/etc/systemd", "/etc/systemd/system"])
def test_no_link_of_an_image_leads_out_of_it(tmp_path: Path, link: str, target: str) -> None:
    root, outside = tmp_path / "image", tmp_path / "outside"
    outside.mkdir()
    (outside / NAME).write_text("of the host")
    image = Machine(root)
    place = root / link.lstrip("/")
    place.parent.mkdir(parents=True)
    place.symlink_to(target.format(outside=outside, up="../" * 40))

    assert image.read(UNIT) is None
    assert not image.exists(UNIT)
    image.write(UNIT, "of the image")
    assert image.read(UNIT) == "of the image"
    below = UNIT.removeprefix(link)
    assert (root / str(outside).lstrip("/") / below.lstrip("/")).read_text() == "of the image"
    image.remove(UNIT)
    assert not image.exists(UNIT)
    assert [path.name for path in outside.iterdir()] == [NAME]
    assert (outside / NAME).read_text() == "of the host"


def test_what_an_image_is_checked_for_lies_below_its_root(tmp_path: Path) -> None:
    root, outside = tmp_path / "image", tmp_path / "outside"
    outside.mkdir()
    (outside / "photos").write_text("of the host")
    (outside / "passwd").write_text("kanmon:x:0:0::/:/bin/sh\n")
    image = Machine(root)
    image.write(KANMON, "#!")
    (root / "data").symlink_to(outside)
    (root / "etc").symlink_to(outside)

    assert image.names("/data") == set()
    assert not image.owns("kanmon", "/data")
    assert image.account("kanmon") is None
    assert install_steps(service(state="/data/kanmon"), image)


def test_a_link_within_an_image_is_followed_as_on_the_machine(tmp_path: Path) -> None:
    image = Machine(tmp_path)
    image.write("/usr/etc/passwd", "meter:x:70:70::/:/bin/sh\n")
    (tmp_path / "etc").symlink_to("/usr/etc")
    (tmp_path / "usr/state").symlink_to("../../usr/etc/.")
    assert image.account("meter") == 70
    assert image.names("/usr/state/") == {"passwd"}


def test_a_masked_unit_of_an_image_without_devices_is_masked(tmp_path: Path) -> None:
    image = Machine(tmp_path)
    image.write(KANMON, "#!")
    image.at(UNIT).parent.mkdir(parents=True)
    image.at(UNIT).symlink_to("/dev/null")
    with pytest.raises(ServiceError, match="masked"):
        install_steps(service(), image)
    assert service_status(image)["masked"] is True


def test_links_of_an_image_in_a_circle_are_named(tmp_path: Path) -> None:
    (tmp_path / "etc").symlink_to("/etc")
    with pytest.raises(OSError, match="symbolic links") as caught:
        Machine(tmp_path).read(UNIT)
    assert caught.value.filename == str(tmp_path / "etc")
