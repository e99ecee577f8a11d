"""Every text the command line shows to people that is not a help, in one place.

English here; the Japanese is in the catalogue, console/locale/ja/LC_MESSAGES/kanmon.po. A pair is
one text for 1 and one for any other number, for `console.language.plural`.
"""

from __future__ import annotations

from typing import Final

from console.language import counted, marked, told, tr

APPLIED_LIVE: Final = marked("Applied: the running gateway uses {file} now.")
APPLIED_STILL: Final = marked("Kept: the gateway will use {file} when it starts.")
AT_NEXT_START: Final = marked("The {sections} settings take effect at the next start.")
CHECKED: Final = counted("{file} can be used: {n} device.", "{file} can be used: {n} devices.")
CHECKED_WARNINGS: Final = counted(
    "{file} can be used, with {n} thing to look at.",
    "{file} can be used, with {n} things to look at.",
)
UNUSABLE: Final = counted(
    "{file} cannot be used: {n} error to correct.",
    "{file} cannot be used: {n} errors to correct.",
)
NOT_POLLED: Final = "some devices cannot be polled"
NO_DEVICES: Final = marked(
    "No devices are configured. Add one below `devices:` and apply the file."
)
NOTHING_WAITS: Final = marked("Nothing waits: everything accepted has reached the portal.")
WAITING_SINCE: Final = counted("{n} record, {age} old", "{n} records, the oldest {age} old")
WAITING_BEFORE: Final = counted(
    "{n} record, from before this boot",
    "{n} records, the oldest from before this boot",
)
SPOOLED: Final = counted("{n} record waiting, {size}", "{n} records waiting, {size}")
NOTHING_WRONG: Final = marked("Nothing is wrong with it.")
BEFORE_START: Final = marked("before this box was started")
JUST_SEEN: Final = marked("seen just now, for the first time")
KEPT_AS: Final = marked("secret:{name} is kept in {file}.")
FORGOTTEN: Final = marked("secret:{name} is gone.")
NO_SECRETS: Final = marked("No secrets are kept on this box.")
SUPPLY_STATES: Final = {
    "ok": marked("ok"),
    "low": marked("low"),
    "empty": marked("empty"),
    "some_left": marked("some left"),
    "unknown": marked("unknown"),
    "missing": marked("missing"),
}
FAULT_NEXT: Final = (
    "Report it with the command you gave; `kanmon --verbose` shows where it happened"
)
CONSENT: Final = marked("Do you agree that this box sends this to {address}?")
ENROLLED: Final = marked("Setup complete: box {box} is {gateway} at {place}.")
ENROLLED_UNTIL: Final = marked("Its certificate is good until {day}.")
ENROLL_FAILED: Final = marked("setup failed ({code})")
WRITE: Final = marked("{device}: {setting} is {now}{unit}. Write {then}{unit}?")
NOTHING_WRITTEN: Final = marked("Nothing was written.")
WRITTEN: Final = marked("{device}: {setting} was {before}{unit} and is {after}{unit}.")
DEVICE_HEADINGS: Final = (
    marked("Device"),
    marked("Label"),
    marked("Answers"),
    marked("State"),
    marked("Last"),
    marked("Gravest condition"),
)
BUS_HEADINGS: Final = (
    marked("Device"),
    marked("Unit id"),
    marked("Asked"),
    marked("Timeouts"),
    marked("Garbled"),
    marked("Refused"),
    marked("Delay"),
    marked("Next"),
)

SERVICE_INSTALLED: Final = marked("The service is installed: {unit}.")
SERVICE_AS_IT_WAS: Final = marked(
    "Nothing had to be done: the service is installed as it should be."
)
SERVICE_RUNS: Final = marked("It runs, and starts with the machine.")
SERVICE_IN_IMAGE: Final = marked("It starts with the machine.")
SERVICE_WAITS: Final = marked(
    "It waits for a configuration: `kanmon config apply FILE`, then `systemctl start kanmon`."
)
SERVICE_REMOVED: Final = marked("The service is removed. Its state folder and its account stay.")
SERVICE_ABSENT: Final = marked("Nothing had to be done: no service is installed.")
SERVICE_REHEARSED: Final = marked("Nothing was changed. What would be done:")
SERVICE_NOT_ROOT: Final = "only root may change the machine's services"

REACHABILITY: Final = {
    "online": marked("online"),
    "silent_as_expected": marked("silent, as expected"),
    "unreachable": marked("does not answer"),
    "never": marked("never answered"),
}
STATES: Final = {
    "running": marked("running"),
    "ready": marked("ready"),
    "error": marked("error"),
    "other": marked("other"),
}
SEVERITIES: Final = {
    "service_call": marked("service call"),
    "error": marked("error"),
    "warning": marked("warning"),
    "info": marked("info"),
}
QUALITIES: Final = {
    "good": marked("good"),
    "not_supported": marked("not supported"),
    "not_available": marked("not available"),
    "out_of_range": marked("out of range"),
    "unreconciled": marked("unreconciled"),
}


def reachability(value: str) -> str:
    """Whether a device answers; a value that a newer daemon knows stays as it is."""
    return tr(REACHABILITY.get(value, value))


def message(text: str) -> str:
    """A condition's message; what it names after a colon stays as the device calls it."""
    said = told(text)
    head, colon, name = text.partition(": ")
    return f"{told(head)}{colon}{name}" if said == text and colon else said


def supply_state(value: str) -> str:
    """What is known of a supply beside, or instead of, its level."""
    return tr(SUPPLY_STATES.get(value, value))


def state(value: str) -> str:
    """What state a device is in."""
    return tr(STATES.get(value, value))


def severity(value: str) -> str:
    """How grave a condition is."""
    return tr(SEVERITIES.get(value, value))


def quality(value: str) -> str:
    """Why there is no value."""
    return tr(QUALITIES.get(value, value))


def holds(dead: int, devices: int) -> str:
    """How many dead devices a line stands."""
    return tr(", holds with {dead} of {devices} dead", dead=dead, devices=devices)


def age(seconds: int | None) -> str:
    """A span of time, in its largest fitting unit."""
    if seconds is None:
        return "-"
    for unit, size in ((tr("{n} d"), 86_400), (tr("{n} h"), 3_600), (tr("{n} min"), 60)):
        if seconds >= 2 * size:
            return unit.format(n=seconds // size)
    return tr("{n} s", n=seconds)


def size(number: int | None) -> str:
    """Bytes, in their largest fitting unit."""
    if number is None:
        return "-"
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= one:
            return f"{number / one:.1f} {unit}"
    return f"{number} B"
