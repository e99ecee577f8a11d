"""The table of the portal's variables, and their values, read all at once.

Reading creates nothing and imports no Django: the folder and its key are made by the first thing
that needs them, so that importing the settings (for a type check, for ``--help``) touches no disk.

============================= ======================================== =============================
Variable                      Meaning                                  Where it is not set
============================= ======================================== =============================
``KANMON_PORTAL_STATE``       folder of the database and secret key    ``/var/lib/kanmon-portal``
``KANMON_DATABASE_URL``       ``postgres://user:secret@host/name``     SQLite in the state folder
``KANMON_PORTAL_URL``         what people type to reach the portal     ``http://127.0.0.1:8000``
``KANMON_CLAIM_URL``          what boxes call to claim their place     its host, port 8443, TLS [*]_
``KANMON_TRUSTED_PROXIES``    proxies whose X-Forwarded-For counts     none
``KANMON_BROKER``             ``mqtt://host:port``                     ``mqtt://127.0.0.1:1883``
``KANMON_BROKER_ID``          folder that ``issue-worker`` made        none: plain TCP, no name
``KANMON_BOX_BROKER``         the broker as boxes reach it             as ``KANMON_BROKER``
``KANMON_MQTT``               ``5``, or ``3.1.1`` for an old broker    ``5``
``KANMON_METRICS_TOKEN``      token that reads ``/metrics``            no client may read it
``KANMON_INGEST_METRICS``     ``host:port`` of an ingest worker's own  none
``KANMON_MAIL_SERVER``        ``smtps://host``, ``smtp+starttls://``   mails wait and are not sent
``KANMON_MAIL_FROM``          the address that mails come from         needed with a mail server
``KANMON_MAIL_USER``          the user at the mail server              nobody signs in there
``KANMON_MAIL_PASSWORD_FILE`` file with that user's password           needed with a user
``KANMON_PORTAL_DEBUG``       ``1`` shows tracebacks to the browser    off
``KANMON_SECOND_FACTOR``      ``optional``: no user has to set one up  ``required`` [*]_
``KANMON_SIMULATION``         socket of simulated sites to be broken   nothing is simulated
============================= ======================================== =============================

.. [*] Where people reach the portal over plain HTTP on this very machine, boxes do so too.
.. [*] Operators, administrators and installers set one up; ``optional`` where sites are simulated.

A variable that is empty counts as not set.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from console.text import MessageError
from portal.environment import checks
from portal.environment.database_url import sqlite
from portal.environment.errors import SettingsError
from portal.environment.mail_server import MailServer

DEFAULT_STATE: Final = Path("/var/lib/kanmon-portal")
DEFAULT_URL: Final = "http://127.0.0.1:8000"
DEFAULT_BROKER: Final = "mqtt://127.0.0.1:1883"


class Environment(BaseSettings):
    """The environment's settings, checked; `checks` says what each of them is.

    The order matters: a setting sees those above it.
    """

    model_config = SettingsConfigDict(
        case_sensitive=True,
        enable_decoding=False,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # a password may be among them
        validate_default=False,
    )

    state: Annotated[Path, PlainValidator(checks.state)] = Field(
        default=DEFAULT_STATE, validation_alias="KANMON_PORTAL_STATE"
    )
    database: Annotated[Mapping[str, Any], PlainValidator(checks.database)] = Field(
        default_factory=lambda values: sqlite(values["state"]),
        validation_alias="KANMON_DATABASE_URL",
        repr=False,  # holds a password
    )
    url: Annotated[str, PlainValidator(checks.url)] = Field(
        default=DEFAULT_URL, validation_alias="KANMON_PORTAL_URL"
    )
    claim_url: Annotated[str, PlainValidator(checks.claim_url)] = Field(
        default_factory=checks.default_claim_url, validation_alias="KANMON_CLAIM_URL"
    )
    trusted_proxies: Annotated[
        tuple[checks.Network, ...], PlainValidator(checks.trusted_proxies)
    ] = Field(default=(), validation_alias="KANMON_TRUSTED_PROXIES")
    broker: Annotated[str, PlainValidator(checks.broker)] = Field(
        default=DEFAULT_BROKER, validation_alias="KANMON_BROKER", repr=False
    )
    broker_id: Annotated[Path | None, PlainValidator(checks.broker_id)] = Field(
        default=None, validation_alias="KANMON_BROKER_ID"
    )
    box_broker: Annotated[str, PlainValidator(checks.box_broker)] = Field(
        default_factory=lambda values: values["broker"],
        validation_alias="KANMON_BOX_BROKER",
        repr=False,
    )
    mqtt: Annotated[Literal["5", "3.1.1"], PlainValidator(checks.mqtt)] = Field(
        default="5", validation_alias="KANMON_MQTT"
    )
    metrics_token: Annotated[str, PlainValidator(checks.metrics_token)] = Field(
        default="", validation_alias="KANMON_METRICS_TOKEN", repr=False
    )
    ingest_metrics: Annotated[tuple[str, int] | None, PlainValidator(checks.ingest_metrics)] = (
        Field(default=None, validation_alias="KANMON_INGEST_METRICS")
    )
    ingest_budget: Annotated[float, PlainValidator(checks.ingest_budget)] = Field(
        default=1.0, validation_alias="KANMON_INGEST_BUDGET"
    )
    mail_from: Annotated[tuple[str, str] | None, PlainValidator(checks.mail_from)] = Field(
        default=None, validation_alias="KANMON_MAIL_FROM"
    )
    mail_user: Annotated[str, PlainValidator(checks.mail_user)] = Field(
        default="", validation_alias="KANMON_MAIL_USER"
    )
    mail_password_file: Annotated[Path | None, PlainValidator(checks.mail_password_file)] = Field(
        default=None, validation_alias="KANMON_MAIL_PASSWORD_FILE"
    )
    mail_server: Annotated[MailServer | None, PlainValidator(checks.mail_server)] = Field(
        default=None, validation_alias="KANMON_MAIL_SERVER"
    )
    debug: Annotated[bool, PlainValidator(checks.debug)] = Field(
        default=False, validation_alias="KANMON_PORTAL_DEBUG"
    )
    second_factor: Annotated[
        Literal["required", "optional"], PlainValidator(checks.second_factor)
    ] = Field(default="required", validation_alias="KANMON_SECOND_FACTOR")
    simulation: Annotated[Path | None, PlainValidator(checks.simulation)] = Field(
        default=None, validation_alias="KANMON_SIMULATION"
    )

    @property
    def host(self) -> str:
        """The host in ``url``, without port or brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def claim_host(self) -> str:
        """The host in ``claim_url``, without port or brackets."""
        return urlsplit(self.claim_url).hostname or ""

    @property
    def https(self) -> bool:
        """Whether people reach the portal over TLS."""
        return self.url.startswith("https:")

    @property
    def loopback(self) -> bool:
        """Whether the portal is for this machine only."""
        return checks.is_loopback(self.host)


NAMES: Final = tuple(str(field.validation_alias) for field in Environment.model_fields.values())
"""Every variable, in the order of the table."""


def read() -> Environment:
    """Read the environment.

    Raises:
        SettingsError: Some variables cannot be used; it names all of them.
    """
    try:
        return Environment()
    except ValidationError as error:
        # What has no cause of its own follows from a variable that has.
        found = [one for one in error.errors() if "error" in one.get("ctx", {})]
    raise SettingsError.of([_problem(str(one["loc"][0]), one["ctx"]["error"]) for one in found])


def _problem(variable: str, error: MessageError) -> MessageError:
    return MessageError(error.what, where=variable, why=error.why, next_step=error.next_step)
