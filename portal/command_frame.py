"""What all commands of `kanmon-portal` share: Django set up, errors told, results printed."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from console import output
from console.failure import FAILED, Failure, of_system, parted
from console.language import tr
from portal.environment import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FAILED"]

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


def refusal(error: Exception) -> Mapping[str, Any] | None:
    """An error that we know how to tell, as fields; ``None`` for a fault of our own."""
    if isinstance(error, SettingsError):
        return parted(str(error)).fields
    if isinstance(error, OSError):
        return of_system(error, _STEPS, _OTHERWISE)
    return None


@contextmanager
def portal_ready(*, create: bool = False, wait: bool = False) -> Iterator[None]:
    """Django set up; what its database or a rule refuses becomes one line that says what next.

    Args:
        create: Make the state folder and do without a database; else nothing is made, and a
            database that is not set up is told.
        wait: A database that does not answer is no error: the work waits for it.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django
    from django.core.exceptions import ValidationError
    from django.db import DatabaseError

    if create:
        _make_state_folder()
    django.setup()
    from portal import readiness
    from portal.accounts.actions import AccountError  # its models exist only after the setup
    from portal.authority.errors import AuthorityError

    try:
        if not create:
            _check_database(wait=wait)
        yield
    except (AccountError, AuthorityError, ValidationError) as error:
        words = error.messages if isinstance(error, ValidationError) else [str(error)]
        raise parted(" ".join(words)) from error
    except DatabaseError as error:
        raise Failure(
            "the database did not do it",
            where=readiness.place(),
            why=readiness.first_line(error),
            next_step="nothing was changed, try again",
        ) from error


def _check_database(*, wait: bool) -> None:
    from portal.readiness import Readiness, look, place

    found, words = look()
    if found is Readiness.READY or (wait and found is Readiness.AWAY):
        return
    if found is Readiness.AWAY:
        raise Failure(
            "the database does not answer",
            where=place(),
            why=words,
            next_step="start it, or correct KANMON_DATABASE_URL",
        )
    if found is Readiness.UNUSABLE:
        raise Failure(
            "the database does not serve this portal",
            where=place(),
            why=words,
            next_step="grant its account the tables, or correct KANMON_DATABASE_URL",
        )
    raise Failure(found.value, where=place(), next_step="run 'kanmon-portal migrate'")


def _make_state_folder() -> None:
    from django.conf import settings

    from portal.environment import make_state

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
    if not colon or not host or not port.isdecimal():
        raise click.BadParameter(tr("'{bind}' is no HOST:PORT, such as 127.0.0.1:8000", bind=bind))


def say(data: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print ``data`` for a program or ``text`` for a person."""
    if as_json:
        output.say_json(data)
    else:
        output.say(text)


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON value, for programs."
)
