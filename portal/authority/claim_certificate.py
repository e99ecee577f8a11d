"""The claim endpoint's own certificate, by the root that agent keys pin; the service renews it.

The claim service reads the file anew for every connection (`portal.server`), so that renewing it
is replacing it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from console.text import Template
from portal.authority import files, roots, server_identity
from portal.authority.errors import AuthorityError
from portal.authority.models import Purpose
from portal.logs import event_log
from provisioning.agent_key import is_this_machine

if TYPE_CHECKING:
    from pathlib import Path

CHECK_INTERVAL_S: Final = 3600.0
"""Seconds between two checks of a service that runs; four months are left when it is due."""

PLAIN_CLAIMS: Final = Template(
    "authority.plain_claims", "the claim service cannot use the address {url}"
)
SERVED_THERE: Final = Template(
    "authority.served_there", "boxes enrol there without TLS, through `kanmon-portal serve`"
)
SET_CLAIM_URL: Final = Template(
    "authority.set_claim_url",
    "use `kanmon-portal serve` only, or set KANMON_CLAIM_URL=https://HOST:PORT",
)
UNREACHABLE_BROKER: Final = Template(
    "authority.unreachable_broker", "boxes cannot connect to the broker at {broker}"
)
SET_BOX_BROKER: Final = Template(
    "authority.set_box_broker",
    "set KANMON_BOX_BROKER to the address by which boxes reach the broker, such as "
    "mqtts://broker.example.com:8883",
)
LOOPBACK_BROKER: Final = Template(
    "authority.loopback_broker", "the address is a loopback address of this machine"
)
PLAIN_BROKER: Final = Template("authority.plain_broker", "the address does not use TLS")

log = event_log(__name__)


def ensure_certificate() -> Path:
    """The file of key and certificate for the host of ``CLAIM_URL``, renewed where it is due.

    It is due at two thirds of its life, and when host or root have changed.

    Raises:
        AuthorityError: There is no root, boxes claim over plain HTTP here, or the file cannot be
            written.
    """
    if settings.CLAIM_URL.startswith("http:"):
        raise AuthorityError(
            PLAIN_CLAIMS(url=settings.CLAIM_URL), why=SERVED_THERE(), next_step=SET_CLAIM_URL()
        )
    host = urlsplit(settings.CLAIM_URL).hostname or ""
    if not is_this_machine(host):
        _check_box_broker()
    path = roots.folder() / "claim.pem"
    spec = server_identity.ServerSpec(purpose=Purpose.CLAIMS, hosts=(host,))
    if server_identity.ensure_current(
        path, spec, lambda content: files.replace(path, content, files.PRIVATE)
    ):
        log.info("claim_certificate_renewed", path=path)
    return path


def _check_box_broker() -> None:
    """Raise `AuthorityError` if boxes elsewhere would be sent to a broker that they refuse."""
    broker = urlsplit(settings.BOX_BROKER)
    loopback = is_this_machine(broker.hostname or "")
    if loopback or broker.scheme != "mqtts":
        raise AuthorityError(
            UNREACHABLE_BROKER(broker=f"{broker.scheme}://{broker.hostname}"),
            why=LOOPBACK_BROKER() if loopback else PLAIN_BROKER(),
            next_step=SET_BOX_BROKER(),
        )


class RenewalThread(threading.Thread):
    """Keeps the certificate of a claim service current while it runs.

    A failure is logged at every check; the service goes on with the certificate it has.

    Args:
        every_s: Seconds between two checks.
    """

    def __init__(self, every_s: float = CHECK_INTERVAL_S) -> None:
        super().__init__(name="claim-certificate", daemon=True)
        self._every_s = every_s
        self._stopped = threading.Event()

    def run(self) -> None:
        """Check at once, and again every ``every_s`` until `stop` is called."""
        while True:
            close_old_connections()
            try:
                ensure_certificate()
            except AuthorityError as error:
                log.error("claim_certificate_not_renewed", error=error)
            except DatabaseError:
                log.exception("claim_certificate_not_renewed")
            finally:
                connection.close()
            if self._stopped.wait(self._every_s):
                return

    def stop(self) -> None:
        """End the thread, and return once it has ended."""
        self._stopped.set()
        self.join()
