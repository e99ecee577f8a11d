"""What all commands of `kanmon-portal` share: setting Django up, reporting errors and results."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

import click

from console import output
from console.failure import FAILED, ErrorDescription, Failure, describe, describe_system
from console.language import current, tr
from console.templates import system
from console.text import NO_MESSAGE, MessageError, Template
from console.usage import WrongValue
from portal.authority.errors import SYSTEM_STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.db import DatabaseError

__all__ = ["FAILED"]

PROGRAM: Final = "kanmon-portal"

NOT_HOST_PORT: Final = Template(
    "portal.not_host_port", "'{bind}' is not a valid address of the form HOST:PORT"
)
WRITE_HOST_PORT: Final = Template("portal.write_host_port", "write an address such as {example}")
NOT_PRINTABLE: Final = Template(
    "portal.not_printable", "'{text}' contains characters that cannot be printed"
)
EMPTY_TEXT: Final = Template("portal.empty_text", "the value is empty")
TEXT_TOO_LONG: Final = Template(
    "portal.text_too_long", "the value has {number} characters, but at most {most} are allowed"
)
CHECK_PATH: Final = Template("portal.check_path", "check the path and its disk, then try again")
OTHER_SETTINGS: Final = Template("portal.other_settings", "the module '{module}' does not exist")
REMOVE_SETTINGS: Final = Template(
    "portal.remove_settings", "remove the variable: the portal uses its own settings"
)
STATE_NOT_CREATED: Final = Template(
    "portal.state_not_created", "the state folder cannot be created"
)
SET_STATE: Final = Template(
    "portal.set_state", "set KANMON_PORTAL_STATE to a folder that this account can write to"
)
DATABASE_FAILED: Final = Template(
    "portal.database_failed", "the database did not carry out the command"
)
CONFLICT: Final = Template(
    "portal.conflict", "the change conflicts with another one that was made at the same time"
)
RUN_AGAIN: Final = Template("portal.run_again", "run the command again")
VALUE_NOT_STORED: Final = Template(
    "portal.value_not_stored", "the database cannot store a value of the command"
)
CORRECT_VALUE: Final = Template(
    "portal.correct_value", "correct the value, then run the command again"
)
CHECK_DISK: Final = Template(
    "portal.check_disk",
    "check the disk, and run the command as the user that the portal runs as",
)
CHECK_DATABASE_LOG: Final = Template(
    "portal.check_database_log", "check the database's log, then try again"
)
START_DATABASE: Final = Template(
    "portal.start_database", "start the database, or correct KANMON_DATABASE_URL"
)
GRANT_TABLES: Final = Template(
    "portal.grant_tables",
    "grant the database account access to the tables, or correct KANMON_DATABASE_URL",
)
SETTINGS_OFF: Final = Template("portal.settings_off", "switched off in its settings: {settings}")
SWITCH_ON: Final = Template(
    "portal.switch_on",
    "set {settings} to `on` in postgresql.conf, reload the server and run the command again",
)
MIGRATE: Final = Template("portal.migrate", "run `kanmon-portal migrate`")
ADDRESS_UNAVAILABLE: Final = Template(
    "portal.address_unavailable", "the address is not available to listen on"
)
OTHER_PORT: Final = Template(
    "portal.other_port",
    "stop the program that uses the port, or choose another port with --bind",
)
OWN_ADDRESS: Final = Template(
    "portal.own_address",
    "choose an address of this machine with --bind, such as 127.0.0.1:8000",
)
HIGH_PORT: Final = Template(
    "portal.high_port",
    "choose a port of 1024 or higher with --bind: lower ports require root privileges",
)
_BINDING: Final = {
    errno.EADDRINUSE: OTHER_PORT(),
    errno.EADDRNOTAVAIL: OWN_ADDRESS(),
    errno.EACCES: HIGH_PORT(),
}


def description(error: Exception) -> ErrorDescription | None:
    """An error that an operator can act on; ``None`` for an internal error."""
    if isinstance(error, MessageError):
        return describe(error)
    if isinstance(error, OSError):
        return describe_system(error, SYSTEM_STEPS, CHECK_PATH())
    return None


@contextmanager
def portal_ready(*, create: bool = False, wait: bool = False) -> Iterator[None]:
    """Set Django up, and turn what its database or a rule refuses into a `Failure`.

    What is done meanwhile is recorded as done by the account that runs the command.

    Args:
        create: Make the state folder and do without a database; else nothing is made, and a
            database that is not set up is a failure.
        wait: Accept a database that does not answer: the work waits for it.
    """
    from django.db import DatabaseError

    _set_up(create=create)
    from django.utils import translation

    from portal.audit.acting import command_line

    # What the framework says itself, too; a process that stays is everybody's, and speaks English.
    tongue = nullcontext() if wait else translation.override(current())
    account = nullcontext() if wait else command_line()
    try:
        with tongue, account:
            if not create:
                _check_database(wait=wait)
            yield
    except DatabaseError as error:
        raise _database_failure(error) from error


def _database_failure(error: DatabaseError) -> Failure:
    """What an error of the database means to the person who ran the command, and the next step."""
    from django.db import DataError, IntegrityError

    from portal import readiness
    from portal.durability import NotDurableError

    if isinstance(error, NotDurableError):
        return _not_durable(error.settings)
    what, step = DATABASE_FAILED(), CHECK_DISK() if _is_file() else CHECK_DATABASE_LOG()
    if isinstance(error, IntegrityError):  # each command looks first, and names what is there
        what, step = CONFLICT(), RUN_AGAIN()
    elif isinstance(error, DataError):
        what, step = VALUE_NOT_STORED(), CORRECT_VALUE()
    return Failure(
        what,
        where=readiness.database_name(),
        why=readiness.DATABASE_REASON(reason=readiness.first_line(error)),
        next_step=step,
    )


def _not_durable(settings: tuple[str, ...]) -> Failure:
    from portal.readiness import NOT_DURABLE, database_name

    return Failure(
        NOT_DURABLE(),
        where=database_name(),
        why=SETTINGS_OFF(settings=settings),
        next_step=SWITCH_ON(settings=settings),
    )


def _set_up(*, create: bool) -> None:
    """Set Django up with the portal's settings, unless the environment names others."""
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    import django

    try:
        django.setup()
    except ModuleNotFoundError as error:
        named = os.environ["DJANGO_SETTINGS_MODULE"]
        if error.name is None or not f"{named}.".startswith(f"{error.name}."):
            raise
        raise Failure(
            OTHER_SETTINGS(module=named),
            where="DJANGO_SETTINGS_MODULE",
            next_step=REMOVE_SETTINGS(),
        ) from error
    _close_state_folder(create=create)
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
        click.echo(output.plain_line(f"{PROGRAM}: {text}"), err=True)


def _is_file() -> bool:
    """Whether the database is a file, of SQLite."""
    from django.db import connection

    return connection.vendor == "sqlite"


def _check_database(*, wait: bool) -> None:
    from portal.readiness import (
        DATABASE_REASON,
        NOT_OPENED,
        WORDS,
        Readiness,
        check_database,
        database_name,
    )

    check = check_database()
    found = check.readiness
    if found is Readiness.READY or (wait and found is Readiness.AWAY):
        return
    if found is Readiness.NOT_DURABLE:
        raise _not_durable(check.settings)
    steps = {
        Readiness.AWAY: CHECK_DISK() if _is_file() else START_DATABASE(),
        Readiness.UNUSABLE: GRANT_TABLES(),
    }
    not_opened = found is Readiness.AWAY and _is_file()
    raise Failure(
        NOT_OPENED() if not_opened else WORDS[found],
        where=database_name(),
        why=DATABASE_REASON(reason=check.error) if check.error else NO_MESSAGE,
        next_step=steps.get(found, MIGRATE()),
    )


def _close_state_folder(*, create: bool) -> None:
    """Close the state folder to other accounts; where it is missing, ``create`` makes it."""
    from django.conf import settings

    from portal.environment.state_folder import make_state

    try:
        if create or settings.STATE.is_dir():
            make_state(settings.STATE)
    except OSError as error:
        raise Failure(
            STATE_NOT_CREATED(),
            where=str(settings.STATE),
            why=system.reason(error),
            next_step=SET_STATE(),
        ) from error


def check_free(bind: str) -> None:
    """Raise `Failure` unless ``bind``, as `BindType` takes it, can be listened at now.

    Gunicorn tries for five seconds, and then ends with a code of its own.
    """
    host, _, port = bind.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        with socket.socket(found[0][0], socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(found[0][4])
    except (OSError, UnicodeError) as error:
        why, step = NO_MESSAGE, OWN_ADDRESS()
        if isinstance(error, OSError) and not isinstance(error, socket.gaierror):
            why, step = system.reason(error), _BINDING.get(error.errno or 0, step)
        raise Failure(ADDRESS_UNAVAILABLE(), where=bind, why=why, next_step=step) from error


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
            raise WrongValue(NOT_PRINTABLE(text=text), param, ctx)
        if not text and not (param is not None and param.default == ""):
            raise WrongValue(EMPTY_TEXT(), param, ctx)
        if len(text) > self._limit:
            raise WrongValue(TEXT_TOO_LONG(number=len(text), most=self._limit), param, ctx)
        return text


class BindType(click.ParamType[str]):
    """The type of a parameter that is an address to listen on, ``HOST:PORT``.

    Args:
        example: An address that an error shows.
    """

    name = "bind"

    def __init__(self, example: str) -> None:
        self._example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """``value``; fails where it is not ``HOST:PORT``."""
        bind = str(value)
        host, colon, port = bind.rpartition(":")
        if not colon or not host or not (port.isdecimal() and 0 < int(port) < 65_536):
            step = WRITE_HOST_PORT(example=self._example)
            raise WrongValue(NOT_HOST_PORT(bind=bind), param, ctx, next_step=step)
        return bind


def say(data: Mapping[str, Any], *lines: str, as_json: bool) -> None:
    """Print ``data`` for a program or ``lines`` for a person."""
    if as_json:
        output.say_json(data)
    else:
        output.say(*lines)


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON value, for programs."
)
