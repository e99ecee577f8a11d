"""``kanmon status`` and ``kanmon outbox``: the state of the running gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from console import language, vocabulary
from console.catalogue import decode
from console.language import plural, tr
from console.language import words as said
from console.output import columns, say_field, say_table
from console.templates import next_step
from gateway.cli import words
from gateway.cli.common import (
    DONE,
    Session,
    command,
    json_option,
    message_json,
    message_words,
    say,
    say_json,
)
from gateway.control.client import NoDaemonError, call


@click.command()
@json_option
@click.pass_obj
@command
def status(session: Session, *, as_json: bool) -> int:
    """Show the link, the spool and the devices."""
    answer = call(session.state, "status")
    if as_json:
        say_json(_status_json(answer))
        return DONE
    name = answer["label"] or tr("Gateway")
    say(tr("{name} ({box}), version {version}", name=name, **_identity(answer)))
    say_field(tr("Uptime"), words.age(answer["running_s"]))
    say_field(tr("Link"), _link(answer["link"]))
    for line in _link_details(answer["link"]):
        say_field("", line)
    if answer["certificate"]:
        say_field(tr("Certificate"), _certificate(answer["certificate"]))
    say_field(tr("Spool"), _spool(answer["spool"]))
    if not answer["clock_known"]:
        say_field(tr("Clock"), tr("not set: readings are stored, and dated once it is"))
        say_field("", tr("next step: {step}", step=said(next_step.CLOCK_UNSET())))
    say("")
    show_devices(answer["devices"])
    return DONE


def _status_json(answer: dict[str, Any]) -> dict[str, Any]:
    """The status for programs; its messages as `message_json` writes them."""
    link, metrics = answer["link"], answer.get("metrics")
    steps = {"error": message_json(link["error"]), "next": message_json(link["next"])}
    return {
        **answer,
        "conditions": [
            {
                **condition,
                "message": str(decode(condition["message"])),
                "next": message_json(condition["next"]),
            }
            for condition in answer.get("conditions", ())
        ],
        "link": {**link, **steps},
        "metrics": metrics and {**metrics, "error": message_json(metrics["error"])},
        "devices": devices_json(answer["devices"]),
    }


def devices_json(devices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The devices for programs; problems as `message_json` writes them."""
    return [
        {
            **device,
            "problem": message_json(device["problem"]),
            "gravest": device["gravest"]
            and {**device["gravest"], "message": str(decode(device["gravest"]["message"]))},
        }
        for device in devices
    ]


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
        say_field(tr("Pending"), _waiting(sum(waiting.values()), answer["oldest_s"]))
    rows = [(tr("Records"), tr("Pending"), tr("Dropped"))]
    rows += [
        (language.heading(vocabulary.word(vocabulary.LANES, lane)), str(number), str(dropped[lane]))
        for lane, number in waiting.items()
    ]
    for row in columns(rows):
        say(f"  {row}")
    say(tr("Rejected by the portal: {number}", number=answer["rejected"]))
    kept = sum(answer["retained"].values())
    say(plural(*words.RETAINED, kept, size=words.size(answer["retained_bytes"])))
    used, free = words.size(answer["bytes"]), words.size(answer["disk_free"])
    say(tr("On disk: {used}, free: {free}", used=used, free=free))
    if answer["full"]:
        say(tr("The disk is full: new records are counted as lost until there is space again."))
    return DONE


def _waiting(number: int, oldest_s: int | None) -> str:
    """The number of pending records, and the age of the oldest."""
    if oldest_s is None:
        return plural(*words.WAITING_BEFORE, number)
    return plural(*words.WAITING_SINCE, number, age=words.age(oldest_s))


def _outbox(session: Session) -> Any:
    """From the daemon; without one, from the spool itself, which no other process then holds."""
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
        state = tr("not connected")
        if link["broker"]:
            state = tr("not connected to {broker}", broker=link["broker"])
        why = message_words(link["error"])
        return tr("{state}: {why}", state=state, why=why) if why else state
    fields = {"broker": link["broker"], "age": words.age(link["connected_s"])}
    if link["last_ack_s"] is None:
        return tr("connected to {broker} for {age}, no acknowledgement yet", **fields)
    acked = words.age(link["last_ack_s"])
    return tr(
        "connected to {broker} for {age}, last acknowledgement {acked} ago", acked=acked, **fields
    )


def _link_details(link: dict[str, Any]) -> Iterator[str]:
    """Where a fault of the link is, unless it is the broker's address, and the next step."""
    if link["where"] and link["where"] not in (link["broker"] or ""):
        yield tr("where: ") + link["where"]
    if link["next"]:
        yield tr("next step: {step}", step=message_words(link["next"]))


def _certificate(certificate: dict[str, Any]) -> str:
    day = certificate["expires_at"][:10]
    if certificate["expired"]:
        return tr("expired on {day}: enrol this box again with a new agent key", day=day)
    if certificate["soon"]:
        return tr("expires on {day}: enrol this box again with a new agent key", day=day)
    return tr("valid until {day}", day=day)


def _spool(spool: dict[str, Any]) -> str:
    waiting, dropped = sum(spool["waiting"].values()), sum(spool["dropped"].values())
    size = words.size(spool["bytes"])
    if dropped:
        return plural(*words.SPOOLED_AND_DROPPED, waiting, size=size, dropped=dropped)
    return plural(*words.SPOOLED, waiting, size=size)


def show_devices(devices: list[dict[str, Any]]) -> None:
    """A table of devices: name, reachability, state, and most severe condition or problem."""
    if not devices:
        say(tr(words.NO_DEVICES))
        return
    rows = []
    for device in devices:
        worst = device["gravest"]
        trouble = message_words(device["problem"])
        if worst and not trouble:
            trouble = tr(
                "{code}: {message}", code=worst["code"], message=message_words(worst["message"])
            )
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
