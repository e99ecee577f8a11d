"""What is done to install and to remove the service, and what is refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath

import pytest

from gateway.install.fakes import FakeMachine
from gateway.install.machine import ServiceError
from gateway.install.preconditions import Program, check_booted
from gateway.install.service import (
    BACKUP,
    SYSUSERS,
    TMPFILES,
    UNIT,
    InstallRequest,
    Step,
    install_steps,
    uninstall_steps,
    unit_for,
)
from gateway.install.service_status import service_status
from gateway.install.unit import NAME, Unit, is_unedited

KANMON = "/opt/kanmon/bin/kanmon"


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
    found = Program.current()
    assert Path(found.command[0]).is_absolute()
    assert Path(sys.prefix) in found.folders
    assert Path(os.__file__).parent in found.folders


def test_root_is_no_account_for_it() -> None:
    there = machine()
    there.accounts["toor"] = 0
    for user in ("root", "toor"):
        with pytest.raises(ServiceError, match="root's account"):
            install_steps(InstallRequest(unit=unit(user=user)), there)


def test_a_program_that_is_not_there_is_refused() -> None:
    with pytest.raises(ServiceError, match="not there"):
        install_steps(InstallRequest(unit=unit()), FakeMachine())


def test_without_systemd_it_says_so() -> None:
    there = machine()
    there.booted = False
    with pytest.raises(ServiceError, match="not run by systemd") as caught:
        check_booted(there)
    assert "kanmon run" in caught.value.next
    with pytest.raises(ServiceError, match="not run by systemd"):
        service_status(there)
    there.is_image = True
    check_booted(there)


# --- what is done ---------------------------------------------------------------------------------


def test_installing_makes_account_and_unit_enables_and_starts_it_once() -> None:
    there = machine()
    assert do(install_steps(InstallRequest(unit=unit()), there)) == [
        f"write {SYSUSERS}",
        f"run systemd-sysusers {SYSUSERS}",
        f"write {UNIT}",
        f"run systemctl enable {NAME}",
        "run systemctl daemon-reload",
        f"run systemctl restart {NAME}",
    ]
    assert there.account("kanmon")
    assert there.active == there.enabled == {NAME}
    assert service_status(there)["active"] == "active"
    assert install_steps(InstallRequest(unit=unit()), there) == []


def test_only_what_differs_is_done_again() -> None:
    there = machine()
    do(install_steps(InstallRequest(unit=unit()), there))
    there.active.clear()
    assert do(install_steps(InstallRequest(unit=unit()), there)) == [f"run systemctl start {NAME}"]
    there.run("systemctl", "disable", NAME)
    assert do(install_steps(InstallRequest(unit=unit()), there)) == [f"run systemctl enable {NAME}"]
    del there.accounts["kanmon"]
    again = install_steps(InstallRequest(unit=unit()), there)
    assert do(again) == [f"run systemd-sysusers {SYSUSERS}"]
    elsewhere = do(install_steps(InstallRequest(unit=unit(state="/data/kanmon")), there))
    assert f"write {TMPFILES}" in elsewhere
    assert f"run systemd-tmpfiles --create {TMPFILES}" in elsewhere
    assert "ReadWritePaths=/data/kanmon" in there.files[UNIT]
    assert f"remove {TMPFILES}" in do(install_steps(InstallRequest(unit=unit()), there))


def test_a_newer_unit_takes_the_place_of_ours_and_never_silently_that_of_an_edited_one() -> None:
    there = machine()
    do(install_steps(InstallRequest(unit=unit()), there))
    other = unit(state="/var/lib/other")
    assert f"write {UNIT}" in do(install_steps(InstallRequest(unit=other), there))
    edited = there.files[UNIT] + "Nice=5\n"
    there.files[UNIT] = edited
    with pytest.raises(ServiceError, match="edited") as caught:
        install_steps(InstallRequest(unit=unit()), there)
    assert "systemctl edit kanmon" in caught.value.next
    with pytest.raises(ServiceError, match="edited"):
        uninstall_steps(there, anyway=False)
    assert service_status(there)["edited"] is True
    do(install_steps(InstallRequest(unit=unit(), anyway=True), there))
    assert there.files[BACKUP] == edited
    assert is_unedited(there.files[UNIT])


def test_removing_leaves_state_and_account() -> None:
    there = machine()
    there.files["/var/lib/kanmon/config.yaml"] = "version: 1\n"
    do(install_steps(InstallRequest(unit=unit()), there))
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
        do(install_steps(InstallRequest(unit=unit()), there))
    assert caught.value.why == "Job for kanmon.service failed"


def test_an_installation_that_was_interrupted_is_finished_by_the_next() -> None:
    """Killed after any of its steps, the next one leaves what an undisturbed one does."""
    number = len(install_steps(_moved(), _installed()))
    assert number > 5
    for steps_done in range(number):
        there = _installed()
        do(install_steps(_moved(), there)[:steps_done])
        ran = len(there.ran)
        do(install_steps(_moved(), there))
        again = [command[0] for command in there.ran[ran:]]
        if steps_done < number - 1:  # systemd had not read it, or it did not run yet
            assert there.running[NAME] == there.files[UNIT], steps_done
        assert there.files[UNIT] == _moved().unit.text()
        assert there.files[TMPFILES] == _moved().unit.tmpfiles()
        folder_done = steps_done >= _number_of(f"run systemd-tmpfiles --create {TMPFILES}")
        assert folder_done or "systemd-tmpfiles" in again, steps_done
        assert install_steps(_moved(), there) == []


def _installed() -> FakeMachine:
    there = machine()
    do(install_steps(InstallRequest(unit=unit()), there))
    there.files["/data/kanmon/config.yaml"] = "version: 1\n"  # and root's, as yet
    return there


def _moved() -> InstallRequest:
    return InstallRequest(unit=unit(state="/data/kanmon", user="meter"))


def _number_of(step: str) -> int:
    """After how many steps ``step`` is done."""
    return [one.what for one in install_steps(_moved(), _installed())].index(step) + 1


@pytest.mark.parametrize("state", ["/var/lib/dpkg", "/data/photos"])
def test_a_folder_that_holds_something_else_is_not_given_away(state: str) -> None:
    there = machine()
    there.files[f"{state}/status"] = "somebody's"
    with pytest.raises(ServiceError, match="something else") as caught:
        install_steps(InstallRequest(unit=unit(state=state)), there)
    assert caught.value.where == state
    assert "status" in caught.value.why
    assert "--state" in caught.value.next


def test_a_folder_of_ours_and_an_empty_disk_are_taken() -> None:
    for name in ("config.yaml", "spool/spool.db", "lost+found/x", "box.json"):
        there = machine()
        there.files[f"/data/kanmon/{name}"] = ""
        assert install_steps(InstallRequest(unit=unit(state="/data/kanmon")), there)


def test_a_state_folder_that_leads_into_a_home_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").symlink_to("/home/pi/kanmon")
    link = Path("/proc/self/root", *tmp_path.parts[1:], "state")  # /tmp itself is refused, too
    with pytest.raises(ServiceError) as caught:
        unit(state=str(link))
    assert caught.value.next


def test_a_masked_service_stays_masked() -> None:
    there = machine()
    there.files[UNIT] = ""  # what reading a link to /dev/null gives
    for anyway in (False, True):
        with pytest.raises(ServiceError, match="masked") as caught:
            install_steps(InstallRequest(unit=unit(), anyway=anyway), there)
        assert "systemctl unmask kanmon" in caught.value.next
        with pytest.raises(ServiceError, match="masked"):
            uninstall_steps(there, anyway=anyway)
    assert service_status(there)["masked"] is True
    assert service_status(there)["edited"] is False


def test_no_edited_unit_is_lost_to_a_later_one() -> None:
    there = machine()
    edits = []
    for number in range(3):
        do(install_steps(InstallRequest(unit=unit()), there))
        edits.append(f"{there.files[UNIT]}Nice={number}\n")
        there.files[UNIT] = edits[-1]
        do(install_steps(InstallRequest(unit=unit(), anyway=True), there))
    kept = [text for path, text in there.files.items() if path.startswith(BACKUP)]
    assert sorted(kept) == sorted(edits)
