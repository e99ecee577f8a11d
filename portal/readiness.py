"""Whether the database can be used, found out before anything queries it; creates nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from console.text import Template
from portal.durability import NotDurableError


class Readiness(Enum):
    """The state of the database."""

    READY = auto()
    EMPTY = auto()
    OLDER = auto()
    AWAY = auto()
    NOT_DURABLE = auto()
    UNUSABLE = auto()


EMPTY: Final = Template("database.empty", "no database is set up")
OLDER: Final = Template("database.older", "the database has the tables of an older version")
AWAY: Final = Template("database.away", "the database does not answer")
NOT_DURABLE: Final = Template(
    "database.not_durable", "the database server can lose what it has confirmed"
)
NOT_OPENED: Final = Template("database.not_opened", "the database file cannot be opened")
UNUSABLE: Final = Template("database.unusable", "the database cannot be used by this portal")
DATABASE_REASON: Final = Template("database.reason", "the database driver reports '{reason}'")
WORDS: Final = {
    Readiness.EMPTY: EMPTY(),
    Readiness.OLDER: OLDER(),
    Readiness.AWAY: AWAY(),
    Readiness.NOT_DURABLE: NOT_DURABLE(),
    Readiness.UNUSABLE: UNUSABLE(),
}
"""What each state means where it is an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseCheck:
    """The result of `check_database`.

    Attributes:
        readiness: The state of the database.
        error: The first line of the database's own error, where it raised one.
        settings: The server's settings that must be on, and are off.
    """

    readiness: Readiness
    error: str = ""
    settings: tuple[str, ...] = ()


def check_database() -> DatabaseCheck:
    """Find out whether the database can be used."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and not _has_content(name):
        return DatabaseCheck(readiness=Readiness.EMPTY)
    try:
        executor = MigrationExecutor(connection)
        if not executor.loader.applied_migrations:
            return DatabaseCheck(readiness=Readiness.EMPTY)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except NotDurableError as error:
        return DatabaseCheck(readiness=Readiness.NOT_DURABLE, settings=error.settings)
    except OperationalError as error:
        return DatabaseCheck(readiness=Readiness.AWAY, error=first_line(error))
    except DatabaseError as error:
        return DatabaseCheck(readiness=Readiness.UNUSABLE, error=first_line(error))
    return DatabaseCheck(readiness=Readiness.OLDER if plan else Readiness.READY)


def applied_migrations() -> set[tuple[str, str]]:
    """Every migration that was applied to the database, as (app, name)."""
    return set(MigrationRecorder(connection).applied_migrations())


def database_name() -> str:
    """The database for a person: a file, or name and host; never the password."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(settings["NAME"])
    return f"{settings['NAME']} ({settings['HOST'] or 'localhost'})"


def first_line(error: Exception) -> str:
    """The first line of an error; libpq's have several."""
    return next(iter(str(error).strip().splitlines()), repr(error))


def _has_content(name: object) -> bool:
    """Whether a SQLite database holds anything; a name that is not a path is one in memory."""
    try:
        return not isinstance(name, Path) or name.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError:
        return True  # the database says better why it cannot be opened
