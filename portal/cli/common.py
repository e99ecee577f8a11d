"""What all commands of `kanmon-portal` share: setting Django up, reporting errors and results."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

import click

from console import output
from console.failure import FAILED, ErrorDescription, Failure, describe_system
from console.language import current, tr
from console.text import Template, verbatim
from portal.environment.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FAILED"]

PROGRAM: Final = "kanmon-portal"

_ACCOUNT: Final = "run the command as the user the portal runs as"
_PATH: Final = "correct the path"
_OTHERWISE: Final = "look at that path and its disk, then try again"
_STEPS: Final = {
    errno.ENOENT: _PATH,
    errno.ENOTDIR: _PATH,
    errno.EISDIR: _PATH,
    errno.EACCES: _ACCOUNT,
    errno.EPERM: _ACCOUNT,
    errno.ENOSPC: "free some space on that disk, then run the command again",
    errno.EROFS: "mount that disk writable, or name another place",
}
"""What to do next about an error of the operating system."""
_DISK: Final = "look at that disk, run the command as the user the portal runs as, then try again"
SEVERAL: Final = Template("portal.several", "several variables of the environment cannot be used")
CORRECT_EACH: Final = Template(
    "portal.correct_each", "correct each variable, then run the command again"
)
_BINDING: Final = {
    errno.EADDRINUSE: "stop what listens there, or choose another port with --bind",
    errno.EADDRNOTAVAIL: "choose an address of this machine with --bind, such as 127.0.0.1:8000",
    errno.EACCES: "choose a port from 1024 on with --bind: lower ones are root's",
}


def description(error: Exception) -> ErrorDescription | None:
    """An error that an operator can act on; ``None`` for an internal error."""
    if isinstance(error, SettingsError):
        where = ", ".join(error.names)
        if len(error.messages) > 1:
            why = verbatim(str(error))
            return ErrorDescription(what=SEVERAL(), where=where, why=why, next=CORRECT_EACH())
        what, _, step = str(error).rpartition("; ")
        return ErrorDescription(what=verbatim(what), where=where, next=verbatim(step))
    if isinstance(error, OSError):
        steps = {number: verbatim(step) for number, step in _STEPS.items()}
        return describe_system(error, steps, verbatim(_OTHERWISE))
    return None


def failure_from(message: str) -> Failure:
    """The failure for a message that ends in the next step: ``it is gone; make it anew``."""
    what, joint, step = message.rpartition("; ")
    return Failure(what, next_step=step) if joint else Failure(message)


@contextmanager
def portal_ready(*, create: bool = False, wait: bool = False) -> Iterator[None]:
    """Set Django up, and turn what its database or a rule refuses into a `Failure`.

    Args:
        create: Make the state folder and do without a database; else nothing is made, and a
            database that is not set up is a failure.
        wait: Accept a database that does not answer: the work waits for it.
    """
    from django.core.exceptions import ValidationError
    from django.db import DatabaseError

    _set_up(create=create)
    from django.utils import translation

    from portal import readiness
    from portal.accounts.actions import AccountError  # its models exist only after the setup
    from portal.authority.errors import AuthorityError

    # What the framework says itself, too; a process that stays is everybody's, and speaks English.
    tongue = nullcontext() if wait else translation.override(current())
    try:
        with tongue:
            if not create:
                _check_database(wait=wait)
            yield
    except (AccountError, AuthorityError, ValidationError) as error:
        words = error.messages if isinstance(error, ValidationError) else [str(error)]
        raise _with_next_step(" ".join(words)) from error
    except DatabaseError as error:
        raise Failure(
            "the database did not do it",
            where=readiness.database_name(),
            why=readiness.first_line(error),
            next_step=_DISK if _is_file() else "try again, and look at the database's log",
        ) from error


def _set_up(*, create: bool) -> None:
    """Set Django up with the portal's settings, unless the environment names others."""
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    import django

    if create:
        _make_state_folder()
    try:
        django.setup()
    except ModuleNotFoundError as error:
        named = os.environ["DJANGO_SETTINGS_MODULE"]
        if error.name is None or not f"{named}.".startswith(f"{error.name}."):
            raise
        what = "DJANGO_SETTINGS_MODULE names settings that are not there"
        raise Failure(what, where=named, next_step="leave it out: Kanmon has its own") from error
    _warn_of_unknown_variables()


def _warn_of_unknown_variables() -> None:
    """Name on standard error, which is a service's log, each variable that nothing reads."""
    from portal.environment.names import unknown_variables

    for one in unknown_variables(os.environ):
        text = tr("warning: no program reads the variable {name}", name=one.name)
        if one.nearest:
            text = tr(
                "warning: no program reads the variable {name}; did you mean {nearest}?",
                name=one.name,
                nearest=one.nearest,
            )
        click.echo(output.plain(f"{PROGRAM}: {text}"), err=True)


def _is_file() -> bool:
    """Whether the database is a file, of SQLite."""
    from django.db import connection

    return connection.vendor == "sqlite"


def _with_next_step(message: str) -> Failure:
    """The failure that a message describes, with a general next step where it names none."""
    what, joint, step = message.rpartition("; ")
    if joint:
        return Failure(what, next_step=step)
    return Failure(message, next_step="correct it, then run the command again")


def _check_database(*, wait: bool) -> None:
    from portal.readiness import Readiness, check_database, database_name

    check = check_database()
    found = check.readiness
    if found is Readiness.READY or (wait and found is Readiness.AWAY):
        return
    if found is Readiness.AWAY:
        raise Failure(
            "the database does not answer",
            where=database_name(),
            why=check.error,
            next_step=_DISK if _is_file() else "start it, or correct KANMON_DATABASE_URL",
        )
    if found is Readiness.UNUSABLE:
        raise Failure(
            "the database does not serve this portal",
            where=database_name(),
            why=check.error,
            next_step="grant its account the tables, or correct KANMON_DATABASE_URL",
        )
    raise Failure(found.value, where=database_name(), next_step="run 'kanmon-portal migrate'")


def _make_state_folder() -> None:
    from django.conf import settings

    from portal.environment.state_folder import make_state

    try:
        make_state(settings.STATE)
    except OSError as error:
        raise Failure(
            "the state folder cannot be made",
            where=str(settings.STATE),
            why=(error.strerror or "").lower(),
            next_step="set KANMON_PORTAL_STATE to a folder that this account may write",
        ) from error


def check_bind(bind: str) -> None:
    """Raise a usage error unless ``bind`` is ``HOST:PORT``."""
    host, colon, port = bind.rpartition(":")
    if not colon or not host or not (port.isdecimal() and 0 < int(port) < 65_536):
        raise click.BadParameter(tr("'{bind}' is no HOST:PORT, such as 127.0.0.1:8000", bind=bind))


def check_free(bind: str) -> None:
    """Raise `Failure` unless ``bind``, as `check_bind` takes it, can be listened at now.

    Gunicorn tries for five seconds, and then ends with a code of its own.
    """
    host, _, port = bind.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        with socket.socket(found[0][0], socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(found[0][4])
    except (OSError, UnicodeError) as error:
        why = (getattr(error, "strerror", None) or str(error)).lower()
        step = _BINDING.get(getattr(error, "errno", None) or 0, _BINDING[errno.EADDRNOTAVAIL])
        raise Failure(
            "nobody can be served at this address", where=bind, why=why, next_step=step
        ) from error


class TextType(click.ParamType[str]):
    """The type of a parameter that is a name: one printable line of limited length.

    Args:
        limit: How many characters it may have at most.
    """

    name = "text"

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """``value`` without blanks around it; fails where it is empty, too long or unprintable."""
        text = str(value).strip()
        if not text.isprintable():
            shown = repr(text)
            self.fail(tr("{text} holds what cannot be printed", text=shown), param, ctx)
        if not text and not (param is not None and param.default == ""):
            self.fail(tr("write at least one character"), param, ctx)
        if len(text) > self._limit:
            problem = tr(
                "{number} characters are too many; at most {most}",
                number=len(text),
                most=self._limit,
            )
            self.fail(problem, param, ctx)
        return text


def say(data: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print ``data`` for a program or ``text`` for a person."""
    if as_json:
        output.say_json(data)
    else:
        output.say(text)


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON value, for programs."
)
