"""``kanmon secret``: the secrets that ``secret:NAME`` in a configuration or URL refers to."""

from __future__ import annotations

import sys
from typing import Final

import click

from config import secrets
from config.disk import LocalDisk
from config.finding import ConfigError
from console.failure import Failure
from console.language import tr
from console.nearest import nearest
from console.templates.control import DID_YOU_MEAN
from console.text import Template
from gateway.cli import words
from gateway.cli.common import DONE, Session, command, json_option, say, say_json
from gateway.install.privileges import run_as_owner

UNKNOWN_SECRET: Final = Template("cli.unknown_secret", "the secret '{name}' does not exist")
LIST_SECRETS: Final = Template(
    "cli.list_secrets", "see `kanmon secret list` for the stored secrets"
)

NAME = click.argument("name", metavar="NAME")


@click.group()
def secret() -> None:
    """Manage the secrets stored on this box.

    Secrets are passwords and keys. Configuration files and URLs refer to them by name, as
    secret:NAME, and never contain them.
    """


@secret.command("set")
@NAME
@json_option
@click.pass_obj
@command
def set_secret(session: Session, name: str, *, as_json: bool) -> int:
    """Store a secret under a name.

    The value is typed at the prompt, or read from the first line of standard input. It is stored
    below the state folder in a file that only the gateway's account can read. Devices use a new
    value from their next session, and the link to the portal from its next connection.
    """
    value = _given(name)
    with run_as_owner(session.state):
        try:
            path = secrets.store(LocalDisk(), session.state, name, value)
        except ConfigError as error:
            found = error.findings[0]
            raise Failure(found.what, why=found.why, next_step=found.next) from error
    if as_json:
        say_json({"name": name, "file": str(path)})
    else:
        say(tr(words.KEPT_AS, name=name, file=path))
    return DONE


@secret.command("list")
@json_option
@click.pass_obj
@command
def list_secrets(session: Session, *, as_json: bool) -> int:
    """List the names of the stored secrets.

    Their values are never printed.
    """
    kept = secrets.names(session.state)
    if as_json:
        say_json(kept)
    elif not kept:
        say(tr(words.NO_SECRETS))
    for reference in [] if as_json else map(_reference, kept):
        say(reference)
    return DONE


@secret.command("remove")
@NAME
@json_option
@click.pass_obj
@command
def remove(session: Session, name: str, *, as_json: bool) -> int:
    """Remove a secret."""
    with run_as_owner(session.state):
        gone = secrets.remove(session.state, name)
    if not gone:
        near = nearest(name, secrets.names(session.state))
        raise Failure(
            UNKNOWN_SECRET(name=name),
            where=str(session.state / secrets.FOLDER),
            next_step=DID_YOU_MEAN(name=near) if near else LIST_SECRETS(),
        )
    if as_json:
        say_json({"name": name})
    else:
        say(tr(words.FORGOTTEN, name=name))
    return DONE


def _given(name: str) -> str:
    if sys.stdin.isatty():
        text: str = click.prompt(_reference(name), hide_input=True, confirmation_prompt=True)
        return text
    # As octets: what is not UTF-8 is refused with its reason, whatever the locale.
    given = sys.stdin.buffer.readline(secrets.LIMIT + 2)
    return given.decode("utf-8", "surrogateescape").rstrip("\r\n")


def _reference(name: str) -> str:
    return f"secret:{name}"
