"""``kanmon service``: the gateway as a service of this machine's systemd."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from console.language import tr
from console.language import words as said
from console.output import say_field
from console.usage import WrongValue
from gateway.cli import words
from gateway.cli.common import (
    DONE,
    Session,
    command,
    described,
    json_option,
    say,
    say_json,
)

if TYPE_CHECKING:
    from gateway.install.machine import Machine
    from gateway.install.service import Step


def _account(_: click.Context, __: click.Parameter, name: str) -> str:
    from gateway.install.preconditions import ACCOUNT

    if not ACCOUNT.fullmatch(name):
        raise WrongValue(words.INVALID_ACCOUNT(name=name), next_step=words.ACCOUNT_FORM())
    return name


def _whole(
    _: click.Context, __: click.Parameter, path: PurePosixPath | None
) -> PurePosixPath | None:
    if path is not None and not path.is_absolute():
        raise WrongValue(words.NOT_ABSOLUTE(path=str(path)), next_step=words.BEGIN_PATH())
    return path


_root = click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
    default="/",
    help="Use the system image in this folder, not this machine.",
)
_dry_run = click.option("--dry-run", is_flag=True, help="Show the changes without making them.")
_anyway = click.option(
    "--anyway", is_flag=True, help="Proceed although the unit was edited; a copy of it is kept."
)


@click.group()
def service() -> None:
    """Manage the systemd service."""


@service.command()
@click.option(
    "--user",
    default="kanmon",
    show_default=True,
    callback=_account,
    help="The service's account; created if it does not exist.",
)
@click.option(
    "--serial-group",
    default="dialout",
    show_default=True,
    callback=_account,
    help="The group that may open serial ports.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    help="The state folder. Default: that of `kanmon --state`.",
)
@click.option(
    "--program",
    type=click.Path(path_type=PurePosixPath),
    callback=_whole,
    help="The path of kanmon on that machine. Default: this program's.",
)
@_root
@_anyway
@_dry_run
@json_option
@click.pass_obj
@command
def install(
    session: Session,
    *,
    user: str,
    serial_group: str,
    state: Path | None,
    program: PurePosixPath | None,
    root: Path,
    anyway: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Install or update the systemd service.

    The service starts with the machine and runs in a sandbox under its own account; systemd
    restarts it when it fails or hangs. An existing state folder is handed over to that account. The
    command may be repeated.
    """
    from gateway.install.preconditions import Program
    from gateway.install.service import UNIT, Service, install_steps

    folder = session.state if state is None else Path(os.path.abspath(state))  # noqa: PTH100 # resolve() would follow links
    found = Program.current() if program is None else Program.at(program)
    wanted = Service.of(found, user=user, serial_group=serial_group, state=folder)
    machine = _machine(root, dry_run=dry_run)
    steps = install_steps(wanted, machine, anyway=anyway)
    if dry_run:
        return _rehearse(steps, words.SERVICE_AS_IT_WAS, as_json=as_json)
    _do(steps, as_json=as_json)
    waits = not machine.exists(str(wanted.running))
    if as_json:
        done = [described(step.what) for step in steps]
        say_json({"unit": UNIT, "done": done, "waits_for_configuration": waits})
        return DONE
    say(tr(words.SERVICE_INSTALLED, unit=UNIT) if steps else tr(words.SERVICE_AS_IT_WAS))
    runs = words.SERVICE_IN_IMAGE if machine.is_image else words.SERVICE_RUNS
    say(tr(words.SERVICE_WAITS if waits else runs))
    return DONE


@service.command()
@_root
@_anyway
@_dry_run
@json_option
@click.pass_obj
@command
def uninstall(session: Session, *, root: Path, anyway: bool, dry_run: bool, as_json: bool) -> int:
    """Stop and remove the systemd service.

    The state folder and the service's account are kept.
    """
    from gateway.install.service import uninstall_steps

    machine = _machine(root, dry_run=dry_run)
    steps = uninstall_steps(machine, anyway=anyway)
    if dry_run:
        return _rehearse(steps, words.SERVICE_ABSENT, as_json=as_json)
    _do(steps, as_json=as_json)
    if as_json:
        say_json({"done": [described(step.what) for step in steps]})
    else:
        say(tr(words.SERVICE_REMOVED if steps else words.SERVICE_ABSENT))
    return DONE


@service.command()
@_root
@json_option
@command
def status(*, root: Path, as_json: bool) -> int:
    """Show whether the service runs.

    `kanmon status` shows what the gateway itself reports.
    """
    from gateway.install.machine import Machine
    from gateway.install.service_status import service_status

    found = service_status(Machine(root))
    if as_json:
        say_json(found)
        return DONE
    say_field(tr("Unit file"), found["unit"])
    if found["masked"]:
        say_field("", tr("masked: an administrator decided that it must not be started"))
    if found["edited"]:
        say_field("", tr("edited since it was installed"))
    if found["drop_ins"]:
        say_field("", tr("with drop-ins"))
    say_field(tr("At boot"), tr("starts") if found["enabled"] else tr("does not start"))
    if "active" in found:
        say_field(
            tr("Now"), f"{found['active']} ({found['detail']}) {found['since'] or ''}".rstrip()
        )
        say_field(tr("Process"), f"{found['pid'] or '-'}, {words.size(found['memory_bytes'])}")
        say_field(tr("Restarts"), f"{found['restarts']} ({found['result']})")
    return DONE


def _machine(root: Path, *, dry_run: bool) -> Machine:
    """The machine or image, after checking that this command may change it."""
    from gateway.install.machine import Machine, ServiceError
    from gateway.install.preconditions import check_booted

    machine = Machine(root)
    if dry_run:
        return machine
    check_booted(machine)
    if not machine.is_image and os.geteuid() != 0:
        # By its path: what sudo looks up may be another kanmon, or none.
        again = shlex.join(["sudo", os.path.abspath(sys.argv[0]), *sys.argv[1:]])  # noqa: PTH100 # as above
        raise ServiceError(words.SERVICE_NOT_ROOT(), next_step=words.SERVICE_SUDO(command=again))
    return machine


def _do(steps: Sequence[Step], *, as_json: bool) -> None:
    for step in steps:
        if not as_json:
            say(said(step.what))
        step.do()


def _rehearse(steps: Sequence[Step], nothing: str, *, as_json: bool) -> int:
    """Show the steps without performing them; ``nothing`` is said where there are none."""
    if as_json:
        planned = [{**described(step.what), "text": step.text or None} for step in steps]
        say_json({"steps": planned})
        return DONE
    say(tr(words.SERVICE_REHEARSED if steps else nothing))
    for step in steps:
        say(f"- {said(step.what)}")
        for line in step.text.splitlines():
            say(f"      {line}".rstrip())
    return DONE
