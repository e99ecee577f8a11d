"""``kanmon config``: check a configuration file, and apply it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.finding import ConfigError, Finding, Level, fold
from config.model import digest
from config.reading import read_document
from config.store import ConfigurationStore, read_bytes
from config.yaml_source import parse
from console.failure import ErrorDescription
from console.language import current, plural, tr, translations
from console.templates import control
from console.text import join
from gateway.cli import words
from gateway.cli.common import (
    DONE,
    FAILED,
    FINDINGS_SHOWN,
    PARTLY,
    Session,
    command,
    complain,
    json_option,
    say,
    say_json,
    show_findings,
    system_failure,
)
from gateway.control.client import NoDaemonError, call
from gateway.install.privileges import run_as_owner

if TYPE_CHECKING:
    from config.model import Configuration
    from gateway.polling.line_budget import LineTime

FILE = click.argument("file", type=click.Path(dir_okay=True, path_type=Path))


@click.group()
def config() -> None:
    """Check and apply configuration files."""


@config.command()
@FILE
@json_option
@click.pass_obj
@command
def check(session: Session, file: Path, *, as_json: bool) -> int:
    """Validate a configuration file.

    Lists every error and warning in FILE with its line and column. Nothing is changed.
    """
    try:
        result = _check(session, read_bytes(file), file)
    except ConfigError as error:
        result = _CheckResult(findings=error.findings)
    findings = result.findings
    errors = [f for f in findings if f.level is Level.ERROR]
    if as_json:
        lines = [line_json(time) for time in result.lines]
        documents = [f.to_json() for f in findings[:FINDINGS_SHOWN]]
        count = len(findings)
        say_json({"usable": not errors, "findings": documents, "count": count, "lines": lines})
    else:
        show_findings(findings)
        for time in result.lines:
            say(f"  {line_words(time)}")
        say(_verdict(str(file), result, len(errors)))
    return FAILED if errors else DONE


def _verdict(file: str, result: _CheckResult, errors: int) -> str:
    """The check's result in one line."""
    if errors:
        return plural(*words.UNUSABLE, errors, file=file)
    if result.findings:
        return plural(*words.CHECKED_WARNINGS, len(result.findings), file=file)
    return plural(*words.CHECKED, result.devices, file=file)


@config.command()
@FILE
@json_option
@click.pass_obj
@command
def apply(session: Session, file: Path, *, as_json: bool) -> int:
    """Apply a configuration file.

    The gateway uses FILE from now on, and devices whose settings are the same stay connected. A
    file with errors, or one that asks more of a serial line than it has time for, changes nothing.
    A device whose driver or profile is missing on this box is reported, and everything else is
    applied (exit code 1).
    """
    text = read_bytes(file)
    result = _check(session, text, file)
    if result.refused:
        raise ConfigError(result.refused)
    findings = result.findings
    try:
        done = call(session.state, "apply", text=text.decode(), file=str(file))
        live = True
    except NoDaemonError:
        configuration = _save(session.state, text, str(file))
        done, live = {"digest": digest(configuration).hex(), "at_next_start": []}, False
    errors = [f for f in findings if f.level is Level.ERROR]
    if as_json:
        say_json({**done, "live": live, "findings": [f.to_json() for f in findings]})
    else:
        if errors:
            described = ErrorDescription(what=words.NOT_POLLED(), next=control.CORRECT_FINDINGS())
            complain(described, findings=(), as_json=False)
        show_findings(findings)
        say(tr(words.APPLIED_LIVE if live else words.APPLIED_STILL, file=file))
        if done["at_next_start"]:
            say(
                tr(
                    words.AT_NEXT_START,
                    sections=join(tuple(done["at_next_start"]), translations(current())),
                )
            )
    return PARTLY if errors else DONE


def _save(state: Path, text: bytes, file: str) -> Configuration:
    """Save a configuration for the next start."""
    try:
        with run_as_owner(state):
            return ConfigurationStore(state).apply(text, file)
    except OSError as error:
        raise system_failure(error, control.CONFIGURATION_NOT_SAVED()) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _CheckResult:
    """What there is to say about a file.

    Attributes:
        findings: All of it.
        refused: Of these, what no device can be blamed for: its lines.
        lines: How busy its serial lines are.
        devices: How many it has.
    """

    findings: Sequence[Finding]
    refused: tuple[Finding, ...] = ()
    lines: Sequence[LineTime] = ()
    devices: int = 0


def _check(session: Session, text: bytes, file: Path) -> _CheckResult:
    from gateway.configuration.checks import by_line, check_lines, check_urls, line_times
    from gateway.configuration.checks import check as check_here
    from gateway.configuration.loader import profiles_in

    profiles = profiles_in(session.state)
    try:
        document = read_document(text, str(file))
    except ConfigError as error:
        known = {place.path for finding in error.findings for place in finding.places}
        more = [f for f in check_urls(parse(text, str(file)), profiles) if f.path not in known]
        raise ConfigError(fold((*error.findings, *more))) from error
    lines = by_line(document.configuration, profiles)
    return _CheckResult(
        findings=check_here(document, session.state, profiles, lines),
        refused=tuple(check_lines(document, lines)),
        lines=line_times(lines),
        devices=len(document.configuration.devices),
    )


def line_words(time: LineTime) -> str:
    """The load of a line: ``serial:/dev/ttyUSB0, 9600 8E1: load 63%; tolerates 2 of 12 ...``."""
    fields = {"line": time.line, "form": time.form, "share": time.utilization}
    if len(time.devices) < 2:
        return tr("{line}, {form}: load {share:.0%}", **fields)
    silent = words.tolerance(time.holds_with, len(time.devices))
    return tr("{line}, {form}: load {share:.0%}; {silent}", **fields, silent=silent)


def line_json(time: LineTime) -> dict[str, Any]:
    """The same for a program; utilization from 0 to 1."""
    return {
        "line": time.line,
        "form": str(time.form),
        "devices": len(time.devices),
        "utilization": round(time.utilization, 4),
        "slack_s": round(time.slack_s, 4),
        "holds_with": time.holds_with,
        "fits": time.fits,
    }
