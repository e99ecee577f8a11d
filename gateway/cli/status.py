"""``kanmon status`` and ``kanmon outbox``: how the running gateway does."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli import words
from gateway.cli.frame import DONE, Session, command, json_option, say, say_json
from gateway.control_client import NoDaemonError, ask


@click.command()
@json_option
@click.pass_obj
@command
def status(session: Session, *, as_json: bool) -> int:
    """Show link, spool and devices of the running gateway."""
    answer = ask(session.state, "status")
    if as_json:
        say_json(answer)
        return DONE
    say(f"{answer['label'] or 'Gateway'} ({answer['box']}), version {answer['software']}")
    say(f"Running   {words.age(answer['running_s'])}")
    say(f"Link      {_link(answer['link'])}")
    say(f"Spool     {_spool(answer['spool'])}")
    if not answer["clock_known"]:
        say("Clock     not set: readings are kept, and dated as soon as it is")
    say("")
    show_devices(answer["devices"])
    return DONE


@click.command()
@json_option
@click.pass_obj
@command
def outbox(session: Session, *, as_json: bool) -> int:
    """Show what waits for the portal, and what had to be dropped."""
    answer = _outbox(session)
    if as_json:
        say_json(answer)
        return DONE
    waiting, dropped = answer["waiting"], answer["dropped"]
    if not any(waiting.values()):
        say(words.NOTHING_WAITS)
    else:
        old = answer["oldest_s"]
        oldest = "from before this boot" if old is None else f"{words.age(old)} old"
        say(f"Waiting   {words.count(sum(waiting.values()), 'record')}, the oldest {oldest}")
    rows = [("Lane", "Waiting", "Dropped")]
    rows += [(lane, str(number), str(dropped[lane])) for lane, number in waiting.items()]
    for row in rows:
        say(f"  {row[0]:<10}{row[1]:>9}{row[2]:>9}")
    say(f"Refused by the portal: {answer['rejected']}")
    say(f"On disk: {words.size(answer['bytes'])}; free: {words.size(answer['disk_free'])}")
    if answer["full"]:
        say("The disk is full: what comes is counted as lost until there is room again.")
    return DONE


def _outbox(session: Session) -> Any:
    """From the daemon; without one, from the spool itself, which then nobody holds."""
    try:
        return ask(session.state, "outbox")
    except NoDaemonError:
        folder = session.state / "spool"
        if not folder.is_dir():
            raise
        return _look(session)


def _look(session: Session) -> Any:
    from cloud_link.spool import Spool
    from config.store import ConfigurationStore
    from gateway.clock import SystemClock, boot_bytes
    from gateway.spool_figures import outbox as figures
    from gateway.spool_figures import spool_limits

    clock = SystemClock()
    boot = boot_bytes(clock.boot_id)
    limits = spool_limits(ConfigurationStore(session.state).load().configuration)
    spool = Spool.open(session.state / "spool", boot=boot, limits=limits)
    try:
        return figures(spool.stats(), boot, clock.now())
    finally:
        spool.close()


def _link(link: dict[str, Any]) -> str:
    if not link["connected"]:
        why = f": {link['error']}" if link["error"] else ""
        return f"no connection to {link['broker'] or 'a portal'}{why}"
    acked = link["last_ack_s"]
    heard = "no acknowledgement yet" if acked is None else f"acknowledged {words.age(acked)} ago"
    return f"connected to {link['broker']} for {words.age(link['connected_s'])}, {heard}"


def _spool(spool: dict[str, Any]) -> str:
    waiting, dropped = sum(spool["waiting"].values()), sum(spool["dropped"].values())
    text = f"{words.count(waiting, 'record')} waiting, {words.size(spool['bytes'])}"
    return f"{text}, {dropped} dropped" if dropped else text


def show_devices(devices: list[dict[str, Any]]) -> None:
    """A table of devices: name, whether they answer, state, gravest condition."""
    if not devices:
        say(words.NO_DEVICES)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Device", "Label", "Answers", "State", "Last", "Gravest condition"):
        table.add_column(heading, overflow="fold")
    for device in devices:
        worst = device["gravest"]
        told = device["problem"] or (f"{worst['code']}: {worst['message']}" if worst else "")
        cells = (
            device["name"],
            device["label"],
            words.REACHABILITY.get(device["reachability"], device["reachability"]),
            device["state"],
            words.age(device["reported_s"]),
            told,
        )
        table.add_row(*(Text(cell) for cell in cells))
    Console(soft_wrap=False).print(table)
