"""``kanmon status`` and ``kanmon outbox``: how the running gateway does."""

from __future__ import annotations

from typing import Any

import click

from console import language, vocabulary
from console.language import plural, tr, translate
from console.output import columns, say_field, say_table
from gateway.cli import words
from gateway.cli.common import DONE, Session, command, json_option, say, say_json
from gateway.control.client import NoDaemonError, call


@click.command()
@json_option
@click.pass_obj
@command
def status(session: Session, *, as_json: bool) -> int:
    """Show the link, the spool and the devices."""
    answer = call(session.state, "status")
    if as_json:
        say_json(answer)
        return DONE
    name = answer["label"] or tr("Gateway")
    say(tr("{name} ({box}), version {version}", name=name, **_identity(answer)))
    say_field(tr("Running"), words.age(answer["running_s"]))
    say_field(tr("Link"), _link(answer["link"]))
    if answer["certificate"]:
        say_field(tr("Certificate"), _certificate(answer["certificate"]))
    say_field(tr("Spool"), _spool(answer["spool"]))
    if not answer["clock_known"]:
        say_field(tr("Clock"), tr("not set: readings are kept, and dated as soon as it is"))
    say("")
    show_devices(answer["devices"])
    return DONE


def _identity(answer: dict[str, Any]) -> dict[str, str]:
    return {"box": answer["box"], "version": answer["software"]}


@click.command()
@json_option
@click.pass_obj
@command
def outbox(session: Session, *, as_json: bool) -> int:
    """Show the spool: pending and dropped records."""
    answer = _outbox(session)
    if as_json:
        say_json(answer)
        return DONE
    waiting, dropped = answer["waiting"], answer["dropped"]
    if not any(waiting.values()):
        say(tr(words.NOTHING_WAITS))
    else:
        say_field(tr("Waiting"), _waiting(sum(waiting.values()), answer["oldest_s"]))
    rows = [(tr("Lane"), tr("Waiting"), tr("Dropped"))]
    rows += [
        (language.heading(vocabulary.word(vocabulary.LANES, lane)), str(number), str(dropped[lane]))
        for lane, number in waiting.items()
    ]
    for row in columns(rows):
        say(f"  {row}")
    say(tr("Refused by the portal: {number}", number=answer["rejected"]))
    used, free = words.size(answer["bytes"]), words.size(answer["disk_free"])
    say(tr("On disk: {used}; free: {free}", used=used, free=free))
    if answer["full"]:
        say(tr("The disk is full: what comes is counted as lost until there is room again."))
    return DONE


def _waiting(number: int, oldest_s: int | None) -> str:
    """How much waits, and since when."""
    if oldest_s is None:
        return plural(*words.WAITING_BEFORE, number)
    return plural(*words.WAITING_SINCE, number, age=words.age(oldest_s))


def _outbox(session: Session) -> Any:
    """From the daemon; without one, from the spool itself, which then nobody holds."""
    try:
        return call(session.state, "outbox")
    except NoDaemonError:
        folder = session.state / "spool"
        if not folder.is_dir():
            raise
        return _read_spool(session)


def _read_spool(session: Session) -> Any:
    from cloud_link.spool.spool import Spool
    from config.store import ConfigurationStore
    from gateway.clock import SystemClock, boot_bytes
    from gateway.health.spool_stats import outbox as figures
    from gateway.health.spool_stats import spool_limits

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
        why = f": {translate(link['error'])}" if link["error"] else ""
        return tr("no connection to {broker}", broker=link["broker"] or tr("a portal")) + why
    acked = link["last_ack_s"]
    heard = tr("no acknowledgement yet")
    if acked is not None:
        heard = tr("acknowledged {age} ago", age=words.age(acked))
    age = words.age(link["connected_s"])
    return tr(
        "connected to {broker} for {age}, {heard}", broker=link["broker"], age=age, heard=heard
    )


def _certificate(certificate: dict[str, Any]) -> str:
    day = certificate["expires_at"][:10]
    if certificate["expired"]:
        return tr("ended on {day}: enrol again with a new agent key", day=day)
    if certificate["soon"]:
        return tr("ends on {day}: enrol again with a new agent key", day=day)
    return tr("good until {day}", day=day)


def _spool(spool: dict[str, Any]) -> str:
    waiting, dropped = sum(spool["waiting"].values()), sum(spool["dropped"].values())
    text = plural(*words.SPOOLED, waiting, size=words.size(spool["bytes"]))
    return text + tr(", {number} dropped", number=dropped) if dropped else text


def show_devices(devices: list[dict[str, Any]]) -> None:
    """A table of devices: name, whether they answer, state, gravest condition."""
    if not devices:
        say(tr(words.NO_DEVICES))
        return
    rows = []
    for device in devices:
        worst = device["gravest"]
        trouble = translate(device["problem"] or "")
        if worst and not trouble:
            trouble = f"{worst['code']}: {translate(worst['message'])}"
        row = (
            device["name"],
            device["label"],
            language.heading(vocabulary.word(vocabulary.REACHABILITIES, device["reachability"])),
            language.heading(vocabulary.word(vocabulary.STATES, device["state"])),
            words.age(device["reported_s"]),
            trouble,
        )
        rows.append(row)
    say_table([tr(heading) for heading in words.DEVICE_HEADINGS], rows)
