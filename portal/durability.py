"""Whether the database keeps what it confirms, checked at every connection.

A gateway deletes a record once the portal has acknowledged it, and the portal acknowledges what the
database has confirmed. On PostgreSQL that holds a power cut only with three settings::

    synchronous_commit   set for the session, whatever the server, the role or the database say
    fsync                checked: only the server's administrator can change it
    full_page_writes     checked, likewise

SQLite is opened with ``synchronous=FULL`` (`portal.environment.database_url.sqlite`).

Source: PostgreSQL manual, "Write Ahead Log" and "Reliability".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import OperationalError
from django.db.backends.signals import connection_created

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

_STRONG_ENOUGH: Final = ("on", "remote_apply")
"""``remote_apply`` waits for more than ``on`` does: a server that has it keeps it."""
CHECKED: Final = ("fsync", "full_page_writes")
"""The settings of the server without which a power cut may take what it confirmed."""
_QUERY: Final = (
    "SELECT CASE WHEN current_setting('synchronous_commit') = ANY (%s) THEN '' "
    "ELSE set_config('synchronous_commit', 'on', false) END, "
    "current_setting('fsync'), current_setting('full_page_writes')"
)


class NotDurableError(OperationalError):
    """The server may lose what it confirms; the database is not used.

    Attributes:
        settings: The settings that must be on, and are off.
    """

    def __init__(self, settings: tuple[str, ...]) -> None:
        super().__init__(f"the server runs with {', '.join(f'{name}=off' for name in settings)}")
        self.settings = settings


def make_durable(connection: BaseDatabaseWrapper) -> None:
    """Make the session's commits wait for the disk.

    Raises:
        NotDurableError: The server's settings do not allow it; the connection is closed.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, [list(_STRONG_ENOUGH)])
        _, *states = cursor.fetchone()
    off = tuple(name for name, state in zip(CHECKED, states, strict=True) if state != "on")
    if off:
        connection.close()
        raise NotDurableError(off)


def _on_connection(connection: BaseDatabaseWrapper, **_: Any) -> None:
    make_durable(connection)


def watch_connections() -> None:
    """Check every connection that is opened from now on."""
    connection_created.connect(_on_connection, dispatch_uid="portal.durability")
