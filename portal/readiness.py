"""Whether the database can be used, told before anything asks it; looking creates nothing."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder


class Readiness(Enum):
    """What was found."""

    READY = "ready"
    EMPTY = "no database is set up"
    OLDER = "the database is of an older version"
    AWAY = "the database does not answer"
    UNUSABLE = "the database does not serve this portal"


def look() -> tuple[Readiness, str]:
    """What was found, and the database's own words where it has any."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and not _there(name):
        return Readiness.EMPTY, ""
    try:
        executor = MigrationExecutor(connection)
        if not executor.loader.applied_migrations:
            return Readiness.EMPTY, ""
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except OperationalError as error:
        return Readiness.AWAY, first_line(error)
    except DatabaseError as error:
        return Readiness.UNUSABLE, first_line(error)
    return (Readiness.OLDER if plan else Readiness.READY), ""


def migrations() -> set[tuple[str, str]]:
    """Every migration that the database has, by app and name."""
    return set(MigrationRecorder(connection).applied_migrations())


def place() -> str:
    """The database, for a person: a file, or name and host; never the password."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(settings["NAME"])
    return f"{settings['NAME']} on {settings['HOST'] or 'this machine'}"


def first_line(error: Exception) -> str:
    """An error's first line; libpq's go on for several."""
    return next(iter(str(error).strip().splitlines()), repr(error))


def _there(name: object) -> bool:
    """A name that is no path is a database in memory."""
    try:
        return not isinstance(name, Path) or name.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError:
        return True  # the database says better why it cannot be opened
