"""``kanmon config``: check a configuration file, and let the gateway use it."""

from __future__ import annotations

import os
from pathlib import Path

import click

from config.finding import ConfigError, Finding, Weight, position
from config.model import digest
from config.reading import read_document
from config.store import ConfigurationStore, read_bytes
from config.yaml_source import parse
from gateway.cli import words
from gateway.cli.frame import (
    DONE,
    FAILED,
    PARTLY,
    Session,
    command,
    complain,
    json_option,
    say,
    say_json,
    show_findings,
)
from gateway.control_client import NoDaemonError, ask

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
    """Say everything that is wrong with FILE. Changes nothing."""
    try:
        findings, devices = _check(session, read_bytes(file), file)
    except ConfigError as error:
        findings, devices = list(error.findings), 0
    errors = [f for f in findings if f.weight is Weight.ERROR]
    if as_json:
        say_json({"usable": not errors, "findings": [f.to_json() for f in findings]})
    else:
        show_findings(findings)
        name, warnings = str(file), words.count(len(findings) - len(errors), "thing")
        if errors:
            say(words.UNUSABLE.format(file=name, errors=words.count(len(errors), "error")))
        elif findings:
            say(words.CHECKED_WARNINGS.format(file=name, warnings=warnings))
        else:
            say(words.CHECKED.format(file=name, devices=devices))
    return FAILED if errors else DONE


@config.command()
@FILE
@json_option
@click.pass_obj
@command
def apply(session: Session, file: Path, *, as_json: bool) -> int:
    """Let the gateway use FILE from now on; unchanged devices go on being polled.

    A file that cannot be used changes nothing. A device in it that has no driver or profile here
    is told, and everything else is applied (exit code 1).
    """
    text = read_bytes(file)
    findings, _ = _check(session, text, file)
    try:
        done = ask(session.state, "apply", text=text.decode(), file=str(file))
        live = True
    except NoDaemonError:
        session.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        configuration = ConfigurationStore(session.state).apply(text, str(file))
        done, live = {"digest": digest(configuration).hex(), "at_next_start": []}, False
        _give_to_owner(session.state)
    errors = [f for f in findings if f.weight is Weight.ERROR]
    if as_json:
        say_json({**done, "live": live, "findings": [f.to_json() for f in findings]})
    else:
        if errors:
            complain({"what": "some devices cannot be polled"}, as_json=False)
        show_findings(findings)
        say((words.APPLIED_LIVE if live else words.APPLIED_STILL).format(file=file))
        if done["at_next_start"]:
            say(words.AT_NEXT_START.format(sections=", ".join(done["at_next_start"])))
    return PARTLY if errors else DONE


def _check(session: Session, text: bytes, file: Path) -> tuple[list[Finding], int]:
    from drivers.profile import FolderShelf
    from gateway.checks import check as check_here
    from gateway.checks import check_urls
    from gateway.loading import PROFILES

    shelf = FolderShelf((session.state / PROFILES,))
    try:
        document = read_document(text, str(file))
    except ConfigError as error:
        told = {finding.path for finding in error.findings}
        more = [f for f in check_urls(parse(text, str(file)), shelf) if f.path not in told]
        raise ConfigError(tuple(sorted((*error.findings, *more), key=position))) from error
    findings = check_here(document, session.state, shelf)
    return findings, len(document.configuration.devices)


def _give_to_owner(state: Path) -> None:
    """With sudo, leave the files to whoever owns the folder: the daemon must be able to read."""
    if os.geteuid() != 0:
        return
    owner = state.stat()
    for path in state.glob("config*.yaml"):
        os.chown(path, owner.st_uid, owner.st_gid)
