"""``kanmon device``: the devices of this gateway, and one look at any device.

While the daemon runs it owns the lines: a read goes through it, between its own polls. Without
one the line is opened here.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.finding import ConfigError
from console.failure import Failure
from console.language import sentence, tr
from console.number_option import NumberOption
from console.output import plain, say_json_text
from console.templates import control
from console.text import Message, Template
from gateway.cli import words
from gateway.cli.common import DONE, FAILED, Seconds, Session, command, json_option, say, say_json
from gateway.cli.completion import complete_device, complete_setting
from gateway.cli.direct import read_here, write_here
from gateway.cli.status import devices_json, show_devices
from gateway.control.client import NoDaemonError, call, unexpected_answer
from gateway.control.unknown_device import unknown_device

if TYPE_CHECKING:
    from config.model import Device
    from drivers.report import Report


@click.group()
def device() -> None:
    """List, read and write devices."""


@device.command("list")
@json_option
@click.pass_obj
@command
def list_devices(session: Session, *, as_json: bool) -> int:
    """List the configured devices and their state.

    The state is known only while the gateway runs.
    """
    try:
        devices = call(session.state, "devices")
    except NoDaemonError:
        devices = [_idle_row(d) for d in _configured_devices(session.state)]
    if as_json:
        say_json(devices_json(devices))
    else:
        show_devices(devices)
    return DONE


@device.command()
@click.argument("target", metavar="URL|NAME", shell_complete=complete_device)
@json_option
@click.pass_obj
@command
def read(session: Session, target: str, *, as_json: bool) -> int:
    """Read a device once and print its report.

    The device is given by its configured name or by its URL. The exit code is 2 when it does not
    answer.
    """
    text = _report(session.state, target)
    report = _parsed(session.state, text)
    if as_json:
        say_json_text(text)
    else:
        from gateway.cli.report_view import show

        show(report)
    return DONE if report.reachability.value == "online" else FAILED


@device.command()
@click.argument("target", metavar="URL|NAME", shell_complete=complete_device)
@json_option
@click.pass_obj
@command
def why(session: Session, target: str, *, as_json: bool) -> int:
    """Explain the active conditions of a device.

    For each condition: when it began, what to do, and the evidence for it. The last poll of a
    configured device is used while the gateway runs; otherwise the device is read now.
    """
    answer = _call_reading(session.state, target, "why")
    report = _parsed(session.state, answer["report"])
    if as_json:
        from gateway.control.explain import explanation

        say_json(explanation(report))
    else:
        from gateway.cli.why_view import show

        show(report)
    return DONE


@device.command()
@click.argument("target", metavar="URL|NAME", shell_complete=complete_device)
@click.option(
    "--every",
    cls=NumberOption,
    type=Seconds(),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between two reads.",
)
@click.option(
    "--count", cls=NumberOption, type=click.IntRange(1), metavar="N", help="Stop after N reads."
)
@json_option
@click.pass_obj
@command
def watch(session: Session, target: str, *, every: float, count: int | None, as_json: bool) -> int:
    """Read a device repeatedly until Ctrl-C.

    With --json, each report is printed on one line. The exit code is that of the last read.
    """
    from gateway.cli.report_view import show

    done, last = 0, DONE
    try:
        while True:
            text = _report(session.state, target)
            report = _parsed(session.state, text)
            last = DONE if report.reachability.value == "online" else FAILED
            if as_json:
                say_json_text(text)
            else:
                click.clear()  # does nothing where nobody looks
                show(report)
            done += 1
            if count is not None and done >= count:
                return last
            time.sleep(every)
    except KeyboardInterrupt:
        return last


@device.command()
@click.argument("target", metavar="URL|NAME", shell_complete=complete_device)
@click.argument("setting", metavar="POINT", shell_complete=complete_setting)
@click.argument("value")
@click.option("--yes", is_flag=True, help="Write without asking for confirmation.")
@json_option
@click.pass_obj
@command
def write(
    session: Session, target: str, setting: str, value: str, *, yes: bool, as_json: bool
) -> int:
    """Write one setting of a device.

    Only settings that the device's profile declares writable can be written. The command shows the
    present value, asks for confirmation, writes, and reads the value back. The request, the account
    that made it and its outcome are recorded in audit.jsonl in the state folder.
    """
    params = {"setting": setting, "value": value}
    change = _call_writing(session.state, target, "setting", params)
    if not yes:
        if not sys.stdin.isatty():
            raise Failure(
                words.NO_TERMINAL(),
                where=target,
                why=_planned(words.PLANNED, setting, change),
                next_step=words.ADD_YES(),
            )
        question = tr(words.WRITE_QUESTION, change=sentence(_planned(words.WRITE, setting, change)))
        if not click.confirm(plain(f"{target}: {question}"), err=True):
            say(tr(words.NOTHING_WRITTEN))
            return FAILED
    done = _call_writing(session.state, target, "write", params | {"who": _account()})
    if as_json:
        say_json(done)
    else:
        unit = done["unit"]
        ends = {end: words.quantity(done[end], unit) for end in ("before", "after")}
        say(tr(words.WRITTEN, device=target, setting=setting, **ends))
    return DONE


def _planned(template: Template, setting: str, change: dict[str, str]) -> Message:
    before, after = (words.quantity(change[end], change["unit"]) for end in ("now", "then"))
    return template(setting=setting, before=before, after=after)


def _account() -> str:
    """The account that runs the command, with the one behind its sudo, if any."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container; OSError: Python 3.13
        name = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER")
    return f"{name} (sudo by {behind})" if behind else name


def _call_writing(state: Path, target: str, method: str, params: dict[str, str]) -> Any:
    """Call a method of the daemon, which owns the lines; without one, open the line here."""
    by_url = "://" in target
    try:
        return call(
            state, method, 150.0, **({"url": target} if by_url else {"name": target}), **params
        )
    except NoDaemonError:
        found = _find_device(state, target)
        url = found.url if found else target
        return asyncio.run(write_here(state, url, target, method, params))


def _report(state: Path, target: str) -> str:
    return str(_call_reading(state, target, "read")["report"])


def _parsed(state: Path, text: str) -> Report:
    """The report in what the daemon of ``state`` answered."""
    from drivers.report_reader import ReportJsonError, from_json, loads

    try:
        return from_json(loads(text))
    except ReportJsonError as error:
        raise unexpected_answer(state, control.INVALID_REPORT()) from error


def _call_reading(state: Path, target: str, method: str) -> dict[str, Any]:
    """A report from the daemon, which owns the lines; without one, read here."""
    by_url = "://" in target
    try:
        result: dict[str, Any] = call(
            state, method, 150.0, **({"url": target} if by_url else {"name": target})
        )
        return result
    except NoDaemonError:
        pass
    found = _find_device(state, target)
    url = found.url if found else target
    return {"report": asyncio.run(read_here(state, url, found)), "url": url}


def _find_device(state: Path, target: str) -> Device | None:
    """The configured device of a name or URL; ``None`` for the URL of another one."""
    by_url = "://" in target
    known = _configured_devices(state, optional=by_url)
    found = next((d for d in known if target in {d.name, d.url}), None)
    if found is None and not by_url:
        from config.store import ConfigurationStore

        where = str(ConfigurationStore(state).running)
        raise unknown_device(target, (device.name for device in known), where)
    return found


def _configured_devices(state: Path, *, optional: bool = False) -> tuple[Device, ...]:
    from config.store import ConfigurationStore  # loads what validates: 0.1 s

    try:
        return ConfigurationStore(state).load().configuration.devices
    except ConfigError:
        if optional:
            return ()
        raise


def _idle_row(device: Device) -> dict[str, Any]:
    return {
        "name": device.name,
        "label": device.label,
        "url": device.url,
        "every_s": device.every_s,
        "reachability": "never",
        "state": "other",
        "gravest": None,
        "reported_s": None,
        "problem": control.NOT_RUNNING().to_json(),
        "not_sent": {"left_out": 0, "replaced": 0, "refused": 0},
    }
