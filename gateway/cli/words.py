"""Every text the command line shows to people that is not a help, in one place.

English here; the Japanese is in the catalogue, console/locale/ja/LC_MESSAGES/kanmon.po. A pair is
one text for 1 and one for any other number, for `console.language.plural`.
"""

from __future__ import annotations

from typing import Final

from console import language, vocabulary
from console.language import plural_noop, tr, tr_noop, translate
from console.text import Template

APPLIED_LIVE: Final = tr_noop("Applied: the running gateway uses {file} now.")
APPLIED_STILL: Final = tr_noop("Kept: the gateway will use {file} when it starts.")
AT_NEXT_START: Final = tr_noop("The {sections} settings take effect at the next start.")
CHECKED: Final = plural_noop("{file} can be used: {n} device.", "{file} can be used: {n} devices.")
CHECKED_WARNINGS: Final = plural_noop(
    "{file} can be used, with {n} thing to look at.",
    "{file} can be used, with {n} things to look at.",
)
UNUSABLE: Final = plural_noop(
    "{file} cannot be used: {n} error to correct.",
    "{file} cannot be used: {n} errors to correct.",
)
NOT_POLLED: Final = Template("cli.not_polled", "some devices cannot be polled")
NO_DEVICES: Final = tr_noop(
    "No devices are configured. Add one below `devices:` and apply the file."
)
NOTHING_WAITS: Final = tr_noop("Nothing waits: everything accepted has reached the portal.")
WAITING_SINCE: Final = plural_noop("{n} record, {age} old", "{n} records, the oldest {age} old")
WAITING_BEFORE: Final = plural_noop(
    "{n} record, from before this boot",
    "{n} records, the oldest from before this boot",
)
SPOOLED: Final = plural_noop("{n} record waiting, {size}", "{n} records waiting, {size}")
NOTHING_WRONG: Final = tr_noop("Nothing is wrong with it.")
BEFORE_START: Final = tr_noop("before this box was started")
JUST_SEEN: Final = tr_noop("seen just now, for the first time")
KEPT_AS: Final = tr_noop("secret:{name} is kept in {file}.")
FORGOTTEN: Final = tr_noop("secret:{name} is gone.")
NO_SECRETS: Final = tr_noop("No secrets are kept on this box.")
FAULT_NEXT: Final = Template(
    "cli.fault_next",
    "report it with the command that you gave; `kanmon --verbose` shows where it happened",
)
CONSENT: Final = tr_noop("Do you agree that this box sends this to {address}?")
ENROLLED: Final = tr_noop("Setup complete: box {box} is {gateway} at {place}.")
ENROLLED_UNTIL: Final = tr_noop("Its certificate is good until {day}.")
WRITE: Final = tr_noop("{device}: {setting} is {now}{unit}. Write {then}{unit}?")
NOTHING_WRITTEN: Final = tr_noop("Nothing was written.")
WRITTEN: Final = tr_noop("{device}: {setting} was {before}{unit} and is {after}{unit}.")
DEVICE_HEADINGS: Final = (
    tr_noop("Device"),
    tr_noop("Label"),
    tr_noop("Connection"),
    tr_noop("State"),
    tr_noop("Last report"),
    tr_noop("Highest severity"),
)
BUS_HEADINGS: Final = (
    tr_noop("Device"),
    tr_noop("Unit id"),
    tr_noop("Requests"),
    tr_noop("Timeouts"),
    tr_noop("Invalid"),
    tr_noop("Errors"),
    tr_noop("Delay"),
    tr_noop("Next"),
)

SERVICE_INSTALLED: Final = tr_noop("The service is installed: {unit}.")
SERVICE_AS_IT_WAS: Final = tr_noop(
    "Nothing had to be done: the service is installed as it should be."
)
SERVICE_RUNS: Final = tr_noop("It runs, and starts with the machine.")
SERVICE_IN_IMAGE: Final = tr_noop("It starts with the machine.")
SERVICE_WAITS: Final = tr_noop(
    "It waits for a configuration: `kanmon config apply FILE`, then `systemctl start kanmon`."
)
SERVICE_REMOVED: Final = tr_noop("The service is removed. Its state folder and its account stay.")
SERVICE_ABSENT: Final = tr_noop("Nothing had to be done: no service is installed.")
SERVICE_REHEARSED: Final = tr_noop("Nothing was changed. What would be done:")
DEVICE_LINE: Final = Template("cli.device_line", "{device}: {reachability}, {state}")
CONDITION_LINE: Final = Template("cli.condition_line", "{severity}: {code}: {message}")
COMPONENT_LINE: Final = Template(
    "cli.component_line", "{severity}: {code} ({component}): {message}"
)
SERVICE_NOT_ROOT: Final = "only root may change the machine's services"


def device(name: str, reachability: str, state: str) -> str:
    """A device, whether it can be reached, and what it is doing."""
    answers = vocabulary.word(vocabulary.REACHABILITIES, reachability)
    does = vocabulary.word(vocabulary.STATES, state)
    return language.words(DEVICE_LINE(device=name, reachability=answers, state=does))


def condition(severity: str, code: str, component: str, message: str) -> str:
    """A condition in one line."""
    grade = vocabulary.word(vocabulary.SEVERITIES, severity)
    if not component:
        return language.words(CONDITION_LINE(severity=grade, code=code, message=message))
    part = vocabulary.component(component)
    return language.words(
        COMPONENT_LINE(severity=grade, code=code, component=part, message=message)
    )


def supply_state(value: str) -> str:
    """What is known of a supply beside, or instead of, its level."""
    return language.words(vocabulary.word(vocabulary.SUPPLY_STATES, value))


def quality(value: str) -> str:
    """Why there is no value."""
    return language.words(vocabulary.word(vocabulary.QUALITIES, value))


def message(text: str) -> str:
    """A condition's message; what it names after a colon stays as the device calls it."""
    said = translate(text)
    head, colon, name = text.partition(": ")
    return f"{translate(head)}{colon}{name}" if said == text and colon else said


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
