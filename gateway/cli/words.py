"""Every text the command line shows to people that is not a help, in one place.

English here; the Japanese is in the catalogue, console/locale/ja/LC_MESSAGES/kanmon.po. A pair is
one text for 1 and one for any other number, for `console.language.plural`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from console import language
from console.language import current, plural_noop, tr, tr_noop, translations
from console.text import Duration, Template

if TYPE_CHECKING:
    from drivers.report import Condition

APPLIED_LIVE: Final = tr_noop("{file} was applied: the running gateway uses it now.")
APPLIED_STILL: Final = tr_noop("{file} was saved: the gateway will use it when it starts.")
AT_NEXT_START: Final = tr_noop("The {sections} settings take effect at the next start.")
CHECKED: Final = plural_noop("{file} is valid: {n} device.", "{file} is valid: {n} devices.")
CHECKED_WARNINGS: Final = plural_noop(
    "{file} is valid, with {n} warning.", "{file} is valid, with {n} warnings."
)
UNUSABLE: Final = plural_noop(
    "{file} cannot be used: {n} error to correct.", "{file} cannot be used: {n} errors to correct."
)
NOT_POLLED: Final = Template("cli.not_polled", "some devices cannot be polled")
NO_DEVICES: Final = tr_noop(
    "No devices are configured. Add one below `devices:` and apply the file."
)
NOTHING_WAITS: Final = tr_noop("No records are pending: all were delivered to the portal.")
WAITING_SINCE: Final = plural_noop("{n} record, {age} old", "{n} records, the oldest {age} old")
WAITING_BEFORE: Final = plural_noop(
    "{n} record, from before this boot",
    "{n} records, the oldest from before this boot",
)
SPOOLED: Final = plural_noop("{n} record pending, {size}", "{n} records pending, {size}")
SPOOLED_AND_DROPPED: Final = plural_noop(
    "{n} record pending, {size}; {dropped} dropped",
    "{n} records pending, {size}; {dropped} dropped",
)
RETAINED: Final = plural_noop(
    "Kept after delivery: {n} record, {size}", "Kept after delivery: {n} records, {size}"
)
NOTHING_WRONG: Final = tr_noop("There are no active conditions.")
BEFORE_START: Final = tr_noop("before this box was started")
JUST_SEEN: Final = tr_noop("just now, for the first time")
KEPT_AS: Final = tr_noop("secret:{name} was stored in {file}.")
FORGOTTEN: Final = tr_noop("secret:{name} was removed.")
NO_SECRETS: Final = tr_noop("No secrets are stored on this box.")
FAULT_NEXT: Final = Template(
    "cli.fault_next",
    "report it with the command that you ran; `kanmon --verbose` shows where it happened",
)
CONSENT: Final = tr_noop("Do you agree that this box sends this data to {address}?")
ENROLLED: Final = tr_noop("Enrolment complete: box {box} is {gateway} at {site}, {organization}.")
ENROLLED_UNTIL: Final = tr_noop("Its certificate is valid until {day}.")
WRITE: Final = Template(
    "cli.write", "the setting '{setting}' will be changed from {before} to {after}"
)
PLANNED: Final = Template(
    "cli.planned", "the setting '{setting}' would be changed from {before} to {after}"
)
WRITE_QUESTION: Final = tr_noop("{change} Continue?")
NO_TERMINAL: Final = Template(
    "cli.no_terminal", "cannot ask for confirmation: standard input is not a terminal"
)
ADD_YES: Final = Template("cli.add_yes", "add --yes to write without confirmation")
NOTHING_WRITTEN: Final = tr_noop("Nothing was written.")
WRITTEN: Final = tr_noop("{device}: {setting} was changed from {before} to {after}.")
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
    tr_noop("Next poll"),
)

SERVICE_INSTALLED: Final = tr_noop("The service was installed as {unit}.")
SERVICE_AS_IT_WAS: Final = tr_noop("Nothing to do: the service is already installed.")
SERVICE_RUNS: Final = tr_noop("It is running, and starts with the machine.")
SERVICE_IN_IMAGE: Final = tr_noop("It starts with the machine.")
SERVICE_WAITS: Final = tr_noop(
    "It needs a configuration: run `kanmon config apply FILE`, then `systemctl start kanmon`."
)
SERVICE_REMOVED: Final = tr_noop("The service was removed; its state folder and account were kept.")
SERVICE_ABSENT: Final = tr_noop("Nothing to do: the service is not installed.")
SERVICE_NOT_ROOT: Final = Template(
    "cli.service_not_root", "only root may change the services of this machine"
)
SERVICE_SUDO: Final = Template("cli.service_sudo", "repeat the command with sudo: `{command}`")
FACTS: Final = Template("cli.facts", "{first}, {second}")
NOT_ABSOLUTE: Final = Template("cli.not_absolute", "'{path}' is not an absolute path")
INVALID_ACCOUNT: Final = Template(
    "cli.invalid_account",
    "'{name}' is not a valid account name",
)
BEGIN_PATH: Final = Template("cli.begin_path", "write the whole path, beginning with /")
ACCOUNT_FORM: Final = Template(
    "cli.account_form",
    "use at most 31 lower-case letters a to z, digits, hyphens and underscores",
)
SERVICE_REHEARSED: Final = tr_noop("Dry run: nothing was changed. The steps would be:")
EVIDENCE_HEADINGS: Final = (
    tr_noop("Source"),
    tr_noop("Name"),
    tr_noop("Address"),
    tr_noop("Value"),
    tr_noop("Meaning"),
)
NO_VALUE: Final = Template("cli.no_value", "- ({reason})")
LEVEL: Final = Template("cli.level", "{percent}%")
LOW_LEVEL: Final = Template("cli.low_level", "{percent}% ({state})")
DEVICE_LINE: Final = Template("cli.device_line", "{device}: {reachability}, {state}")
CONDITION_LINE: Final = Template("cli.condition_line", "{severity}: {code}: {message}")
COMPONENT_LINE: Final = Template(
    "cli.component_line", "{severity}: {code} ({component}): {message}"
)


def device(name: str, reachability: str, state: str) -> str:
    """A device, whether it can be reached, and what it is doing."""
    from console import vocabulary  # loaded where words are shown, not by the daemon

    answers = vocabulary.word(vocabulary.REACHABILITIES, reachability)
    does = vocabulary.word(vocabulary.STATES, state)
    return language.words(DEVICE_LINE(device=name, reachability=answers, state=does))


def condition(found: Condition) -> str:
    """A condition in one line."""
    from console import vocabulary  # loaded where words are shown, not by the daemon

    grade = vocabulary.word(vocabulary.SEVERITIES, found.severity.value)
    code, message = found.code.value, found.message
    if not found.component:
        return language.words(CONDITION_LINE(severity=grade, code=code, message=message))
    part = vocabulary.component(found.component)
    return language.words(
        COMPONENT_LINE(severity=grade, code=code, component=part, message=message)
    )


def no_value(table: Mapping[str, Template], value: str) -> str:
    """A dash, and why there is no value."""
    from console import vocabulary  # loaded where words are shown, not by the daemon

    return language.words(NO_VALUE(reason=vocabulary.word(table, value)))


def level(percent: int, *, low: bool) -> str:
    """What is left of a supply."""
    from console import vocabulary  # loaded where words are shown, not by the daemon

    if not low:
        return language.words(LEVEL(percent=percent))
    state = vocabulary.word(vocabulary.SUPPLY_STATES, "low")
    return language.words(LOW_LEVEL(percent=percent, state=state))


def tolerance(silent: int, devices: int) -> str:
    """How many devices of a line may be silent before the others lose readings."""
    return tr(
        "tolerates {silent} of {devices} devices not answering", silent=silent, devices=devices
    )


def quantity(value: str, unit: str) -> str:
    """A value with its unit, if it has one."""
    return f"{value} {unit}" if unit else value


def listed(first: str, second: str) -> str:
    """Two facts in a row; one of them may be empty."""
    return (
        language.words(FACTS(first=first, second=second)) if first and second else first or second
    )


def age(seconds: float | None) -> str:
    """A span of time, such as ``2 min 20 s``; ``-`` where it is not known."""
    return "-" if seconds is None else Duration(seconds).format(translations(current()))


def size(number: int | None) -> str:
    """Bytes, in their largest fitting unit."""
    if number is None:
        return "-"
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= one:
            return f"{number / one:.1f} {unit}"
    return f"{number} B"
