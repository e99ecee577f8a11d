"""``kanmon bus``: the load of shared lines, and the errors of the devices on them."""

from __future__ import annotations

import time
from typing import Any

import click

from console.language import plural, tr
from console.number_option import NumberOption
from console.output import columns
from gateway.cli import words
from gateway.cli.common import DONE, Seconds, Session, command, json_option, say, say_json
from gateway.control.client import call


@click.group()
def bus() -> None:
    """Show statistics for shared lines."""


@bus.command()
@click.option(
    "--over",
    cls=NumberOption,
    type=Seconds(),
    metavar="SECONDS",
    help="Measure the load for this long. Default: since the line was opened.",
)
@json_option
@click.pass_obj
@command
def stats(session: Session, *, over: float | None, as_json: bool) -> int:
    """Show the load and the errors of each line.

    For each line: the share of time it is in use, predicted and measured. For each device on it:
    its requests, timeouts and invalid responses. A device that does not answer delays the others on
    its line; the longer it stays silent, the less often it is polled.
    """
    before = _lines(session) if over else {}
    if over:
        time.sleep(over)
    lines = _lines(session)
    for key, line in lines.items():
        line["measured_utilization"] = _measured(line, before.get(key))
    if as_json:
        say_json(list(lines.values()))
        return DONE
    if not lines:
        say(tr(words.NO_DEVICES))
    for line in lines.values():
        _show(line)
    return DONE


def _lines(session: Session) -> dict[str, dict[str, Any]]:
    return {line["line"]: line for line in call(session.state, "bus")}


def _measured(line: dict[str, Any], before: dict[str, Any] | None) -> float | None:
    """The share of time in use: since ``before``, or since the line was opened."""
    if line["busy_s"] is None:
        return None
    busy, whole = line["busy_s"], line["open_s"]
    if before and before["busy_s"] is not None and before["busy_s"] <= busy:
        busy, whole = busy - before["busy_s"], whole - before["open_s"]
    return round(min(1.0, busy / whole), 4) if whole > 0 else None


def _show(line: dict[str, Any]) -> None:
    say(words.listed(line["line"], line["form"]))
    predicted, measured = line["predicted_utilization"], line["measured_utilization"]
    if measured is None:
        say("  " + tr("not opened yet"))
    else:
        say("  " + tr("in use {share:.0%} of the time", share=measured))
    if predicted is not None:
        say("  " + tr("predicted load {share:.0%}", share=predicted))
    if len(line["devices"]) > 1 and line["holds_with"] is not None:
        say("  " + words.tolerance(line["holds_with"], len(line["devices"])))
    headings = tuple(tr(heading) for heading in words.BUS_HEADINGS)
    for row in columns([headings, *(_row(device) for device in line["devices"])]):
        say(f"  {row}")
    say("")


def _row(device: dict[str, Any]) -> tuple[str, ...]:
    delay, soon = device["delay_s"], device["next_s"]
    return (
        device["name"],
        str(device["unit"]),
        str(device["requests"]),
        str(device["timeouts"]),
        str(device["invalid_responses"]),
        str(device["error_responses"]),
        tr("unknown") if delay is None else f"{delay * 1000:.0f} ms",
        "-" if soon is None else _next(soon, device["failures"]),
    )


def _next(soon: float, failures: int) -> str:
    """When a device is polled next, and how many polls failed since it last answered."""
    if not failures:
        return tr("in {age}", age=words.age(soon))
    return plural(
        "in {age}, after {n} failure",
        "in {age}, after {n} failures",
        failures,
        age=words.age(soon),
    )
