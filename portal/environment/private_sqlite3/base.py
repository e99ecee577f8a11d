"""Django's backend for SQLite, whose database is closed to other accounts before it is opened.

SQLite gives the files beside a database (``-wal``, ``-shm``) the database's own mode.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base

from config.private import close_database, close_folder
from portal.environment.state_folder import CONTENTS


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to a database of mode 0600."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open the database.

        Raises:
            ExposedError: Other accounts can read it or look into its folder, and it is not ours
                to close.
        """
        path = Path(conn_params["database"])
        # A name that is not absolute is in memory. A folder that is missing is not made here: a
        # command that only reads says that there is no database.
        if path.is_absolute() and path.parent.is_dir():
            close_folder(path.parent, CONTENTS)
            close_database(path)
        return super().get_new_connection(conn_params)
