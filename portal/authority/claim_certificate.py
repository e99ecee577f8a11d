"""The claim endpoint's own certificate, by the root that agent keys name: kept ready by itself.

The claim service reads the file anew for every connection (`portal.server`), so that renewing it
is replacing it.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from portal.authority import files, roots, server_identity
from portal.authority.errors import AuthorityError
from portal.authority.models import Purpose

if TYPE_CHECKING:
    from pathlib import Path

LOOK_S: Final = 3600.0
"""Between two looks of a service that runs; four months are left when it is time."""

log = logging.getLogger(__name__)


def ready() -> Path:
    """A file of key and certificate for the host of ``CLAIM_URL``, made anew where it is time.

    It is time at two thirds of its life, and when host or root have changed.

    Raises:
        AuthorityError: There is no root, boxes claim over plain HTTP here, or the file cannot be
            written.
    """
    if settings.CLAIM_URL.startswith("http:"):
        raise AuthorityError(
            f"boxes claim at {settings.CLAIM_URL}, without TLS, which 'kanmon-portal serve' "
            "answers; set KANMON_CLAIM_URL=https://HOST:PORT to serve them here"
        )
    host = urlsplit(settings.CLAIM_URL).hostname or ""
    path = roots.folder() / "claim.pem"
    wanted = server_identity.Wanted(purpose=Purpose.CLAIMS, hosts=(host,))
    if server_identity.keep_current(
        path, wanted, lambda content: files.replace(path, content, files.PRIVATE)
    ):
        log.info("%s is new", path)
    return path


class Renewal(threading.Thread):
    """Keeps the certificate of a claim service ready while it runs.

    What goes wrong is logged at every look; the service goes on with what it has.
    """

    def __init__(self, every_s: float = LOOK_S) -> None:
        super().__init__(name="claim-certificate", daemon=True)
        self._every_s = every_s
        self._over = threading.Event()

    def run(self) -> None:
        """Look at once, and again and again until told to end."""
        while True:
            close_old_connections()
            try:
                ready()
            except AuthorityError as error:
                log.error("the claim service's certificate cannot be renewed: %s", error)
            except DatabaseError:
                log.exception("the claim service's certificate cannot be renewed")
            finally:
                connection.close()
            if self._over.wait(self._every_s):
                return

    def end(self) -> None:
        """End it, and return when it has."""
        self._over.set()
        self.join()
