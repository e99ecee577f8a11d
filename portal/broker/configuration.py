"""Mosquitto's configuration. Pure: text from settings.

::

    boxes      0.0.0.0:8883    TLS by the boxes' root      kanmon/1/<own name>/{up write, down read}
    workers    127.0.0.1:8884  TLS by the workers' root    all up read, down/ack write
    publisher  127.0.0.1:8885  TLS by the publisher's root down/{config,command} write
    takeover   127.0.0.1:8886  TLS and a password          nothing: only takes sessions over

On the first three the name in the certificate is user name and client id at once, so that nobody
takes another's session by naming its client id. On the last one a client may name any id and may
say and hear nothing: connecting in a box's name ends the box's session, which is how a revoked box
is disconnected. (The dynamic-security plugin could do it too; but its credential can give itself
every right at the broker, this one can only interrupt.)

Nothing is kept on the broker's disk: what is accepted is in the boxes' spools until the portal's
database has it, and a broker's own store would be one more copy of everybody's data.

Source: design section 5; mosquitto.conf(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloud_link.topics import ROOT
from console.text import Template
from portal.authority.errors import AuthorityError
from provisioning.agent_key import is_this_machine

CONFIGURATION: Final = "mosquitto.conf"
PID: Final = Path("run/mosquitto.pid")
SERVER: Final = Path("server/identity.pem")
"""Key and certificate in one file: two could come apart, and then the broker would not start."""
PASSWORDS: Final = Path("takeover/passwords")
TAKEOVER_USER: Final = "takeover"
"""The only user name on the takeover listener."""

CANARY: Final = "canary.revoked"
"""The name in the certificate that is revoked from the first, and refused if all is well."""

BIGGEST_PACKET: Final = 131_072
"""Bytes; twice the largest message of ours."""
QUEUED_MESSAGES: Final = 1_000
"""For a worker or box that does not keep up; what is dropped beyond it, a box sends again."""
QUEUED_BYTES: Final = 16 << 20
IN_FLIGHT: Final = 100

INVALID_ADDRESS: Final = Template(
    "broker.invalid_address", "'{address}' is not a valid address of the form HOST:PORT"
)
WRITE_ADDRESS: Final = Template("broker.write_address", "write an address such as 0.0.0.0:8883")
PUBLIC_TAKEOVER: Final = Template(
    "broker.public_takeover", "the takeover listener must not listen on {host}"
)
ENDS_SESSIONS: Final = Template(
    "broker.ends_sessions", "a client that can reach it can end every session"
)
LOOPBACK_TAKEOVER: Final = Template(
    "broker.loopback_takeover",
    "choose a loopback address with --takeover, such as 127.0.0.1:8886",
)
SHARED_PORT: Final = Template("broker.shared_port", "two listeners use the port {port}")
OWN_PORTS: Final = Template(
    "broker.own_ports",
    "choose a different port for each of --boxes, --workers, --publisher and --takeover",
)

_ADDRESS: Final = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a listener listens: host and port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, *, where: str = "") -> Address:
        """Parse ``HOST:PORT``, given as ``where``; raises `AuthorityError`."""
        found = _ADDRESS.fullmatch(text)
        if found is None or not 0 < int(found["port"]) < 65_536:
            raise AuthorityError(
                INVALID_ADDRESS(address=text), where=where, next_step=WRITE_ADDRESS()
            )
        return cls(host=found["host"].strip("[]"), port=int(found["port"]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def client_host(self) -> str:
        """The host by which this machine reaches the listener."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - to be recognised, not bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The settings of a broker.

    Attributes:
        hosts: Names and addresses by which boxes reach it; its certificate holds them.
        user: The account that Mosquitto runs as.
        boxes: Where boxes connect.
        workers: Where ingest workers connect.
        publisher: Where publishers of configuration connect.
        takeover: Where this portal connects to end sessions; on this machine only.
    """

    hosts: tuple[str, ...]
    user: str
    boxes: Address
    workers: Address
    publisher: Address
    takeover: Address

    def check(self) -> None:
        """Raise `AuthorityError` where two listeners share a port, or others may end sessions."""
        if not is_this_machine(self.takeover.host):
            raise AuthorityError(
                PUBLIC_TAKEOVER(host=self.takeover.host),
                why=ENDS_SESSIONS(),
                next_step=LOOPBACK_TAKEOVER(),
            )
        ports = [one.port for one in (self.boxes, self.workers, self.publisher, self.takeover)]
        twice = next((port for port in ports if ports.count(port) > 1), None)
        if twice is not None:
            raise AuthorityError(SHARED_PORT(port=twice), next_step=OWN_PORTS())


def root_path(name: str) -> Path:
    """The path of a root's certificate within the folder."""
    return Path("roots") / f"{name}.pem"


def list_path(name: str) -> Path:
    """The path of a root's revocation list within the folder."""
    return Path("lists") / f"{name}.pem"


def rights_path(name: str) -> Path:
    """The path of a listener's access list within the folder."""
    return Path("rights") / f"{name}.acl"


RIGHTS: Final = {
    "boxes": (
        "# %u is the name in the certificate.",
        f"pattern write {ROOT}/%u/up/#",
        f"pattern read {ROOT}/%u/down/#",
    ),
    # "pattern" without a name in it: lines of "topic" before any "user" are for the anonymous only.
    "workers": (f"pattern read {ROOT}/+/up/#", f"pattern write {ROOT}/+/down/ack"),
    "publisher": (f"pattern write {ROOT}/+/down/config", f"pattern write {ROOT}/+/down/command"),
    # An empty access list would mean that there is none.
    "takeover": ("# It may connect, and that is all.", "pattern deny #"),
}
"""The access list of each listener; what is not in it is refused."""


def rights(name: str) -> str:
    """The text of a listener's access list."""
    return "\n".join(RIGHTS[name]) + "\n"


def configuration(plan: Plan, folder: Path) -> str:
    """The text of mosquitto.conf for a folder that holds everything else, too."""
    # What belongs to a listener must stand below one: here it would open another one, on port 1883.
    head = [
        "# Written by 'kanmon-portal broker write', which replaces it.",
        "per_listener_settings true",
        f"user {plan.user}",
        f"pid_file {folder / PID}",
        "persistence false",
        "set_tcp_nodelay true",
        f"max_packet_size {BIGGEST_PACKET}",
        f"max_inflight_messages {IN_FLIGHT}",
        f"max_queued_messages {QUEUED_MESSAGES}",
        f"max_queued_bytes {QUEUED_BYTES}",
        "persistent_client_expiration 1d",
        "retain_available false",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "connection_messages true",
        "log_timestamp_format %Y-%m-%dT%H:%M:%S",
    ]
    named = {"boxes": plan.boxes, "workers": plan.workers, "publisher": plan.publisher}
    parts = [head, *(_named_listener(name, at, folder) for name, at in named.items())]
    parts.append(_takeover_listener(plan.takeover, folder))
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _listener(name: str, at: Address, folder: Path) -> list[str]:
    return [
        f"# {name}",
        f"listener {at.port} {at.host}",
        f"certfile {folder / SERVER}",
        f"keyfile {folder / SERVER}",
        "tls_version tlsv1.2",
        "allow_anonymous false",
        "allow_zero_length_clientid false",
        f"acl_file {folder / rights_path(name)}",
    ]


def _named_listener(name: str, at: Address, folder: Path) -> list[str]:
    return [
        *_listener(name, at, folder),
        f"cafile {folder / root_path(name)}",
        f"crlfile {folder / list_path(name)}",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
    ]


def _takeover_listener(at: Address, folder: Path) -> list[str]:
    return [*_listener("takeover", at, folder), f"password_file {folder / PASSWORDS}"]
