"""What asking an SNMP agent is about: targets, users, values, agents and their sessions. Pure.

Sources: RFC 3416 (v2c), RFC 3414 (v3), RFC 1157 (v1).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from console.templates import snmp
from protocols.errors import InvalidResponse

if TYPE_CHECKING:
    from console.text import Message

PORT: Final = 161
ROWS_LIMIT: Final = 20_000
"""More variables than the largest printer has below one identifier."""
BYTES_LIMIT: Final = 4_000_000
TRIES: Final = 2
"""How often a request is sent: UDP loses some, and asking again does no harm."""

Value = int | float | bytes | str
"""A number, the octets of a string, or, as text, an object identifier or an IP address."""
SecretResolver = Callable[[str], str]
"""Returns the secret behind a reference; raises `protocols.errors.ProtocolError`."""
RowSink = Callable[[str, Value | None], None]
"""Called with each variable of a walk and its value; ``None`` for one without a value."""


class Version(StrEnum):
    """A version of the protocol."""

    V1 = "1"
    V2C = "2c"
    V3 = "3"


AUTHENTICATIONS: Final = ("md5", "sha", "sha224", "sha256", "sha384", "sha512")
PRIVACIES: Final = ("des", "aes128", "aes192", "aes256", "aes192c", "aes256c")
"""With ``c``: keys are lengthened the way Cisco does, which some makers do, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of v3.

    Attributes:
        name: The user's name, as the agent knows it.
        authentication: One of `AUTHENTICATIONS`; ``""`` for none.
        authentication_key: The password, or the reference that a `SecretResolver` knows.
        privacy: One of `PRIVACIES`; ``""`` for none.
        privacy_key: The password for it, or a reference.
    """

    name: str
    authentication: str = ""
    authentication_key: str = field(default="", repr=False)
    privacy: str = ""
    privacy_key: str = field(default="", repr=False)

    def with_secrets(self, resolve: SecretResolver) -> User:
        """This user with keys in place of references."""
        return replace(
            self,
            authentication_key=resolve(self.authentication_key),
            privacy_key=resolve(self.privacy_key),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An agent and how it is spoken to.

    Attributes:
        host: Name or address.
        port: UDP port.
        version: The version that is spoken.
        community: The community of v1 and v2c, or a reference to it.
        user: The user of v3.
        timeout_s: Seconds that each of `TRIES` waits.
    """

    host: str
    port: int = PORT
    version: Version = Version.V2C
    community: str = field(default="public", repr=False)
    user: User | None = None
    timeout_s: float = 2.0

    def with_secrets(self, resolve: SecretResolver) -> Target:
        """This target with community and keys in place of references."""
        user = self.user.with_secrets(resolve) if self.user else None
        return replace(self, community=resolve(self.community), user=user)

    @property
    def where(self) -> str:
        """The agent, for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"snmp {host}:{self.port}"


class Agent(Protocol):
    """Answers for an SNMP agent; every request raises `protocols.errors.ProtocolError`."""

    @property
    def where(self) -> str:
        """The agent, for people."""

    async def get(self, oids: Sequence[str]) -> Mapping[str, Value]:
        """The values of those variables that the agent has; the others are left out."""

    async def walk(self, base: str, columns: Collection[int] = ()) -> Mapping[str, Value]:
        """Everything below ``base``, in the order of the identifiers; empty where nothing is.

        Args:
            base: An object identifier without a leading dot; a table's entry.
            columns: Where bulk requests are not known (v1), only these of the table are asked
                for, because every row costs a request.
        """

    def close(self) -> None:
        """Close what is open; a later request opens it again."""


class Session(Protocol):
    """One socket to an agent, with one request at a time.

    Every request raises `protocols.errors.ProtocolError`; the session is then used no more. A
    cancelled request throws away an answer that comes later.
    """

    async def get(self, oids: Sequence[str]) -> dict[str, Value]:
        """See `Agent.get`."""

    async def walk(self, base: str, take: RowSink, columns: Collection[int] = ()) -> None:
        """Give everything below ``base`` to ``take``, whose errors end the walk.

        Args:
            base: See `Agent.walk`.
            take: Called in the order of the identifiers.
            columns: See `Agent.walk`.
        """

    def close(self) -> None:
        """Close the socket."""


def line_key(host: str, port: int) -> str:
    """The key of the line of an agent, which is a line of its own: ``snmp:192.0.2.7:161``."""
    return f"snmp:{host.lower()}:{port}"


def oid_key(oid: str) -> tuple[int, ...]:
    """The arcs of an object identifier, by which identifiers are sorted."""
    return tuple(map(int, oid.split(".")))


class WalkGuard:
    """Collects the rows of a walk and ends one that does not end by itself.

    Args:
        where: The agent, for people.
    """

    def __init__(self, where: str) -> None:
        self.rows: dict[str, Value] = {}
        self._where = where
        self._last: tuple[int, ...] = ()
        self._taken = 0
        self._bytes = 0

    def take(self, oid: str, value: Value | None) -> None:
        """Add a row, unless it has no value; raises `InvalidResponse` where it cannot come next."""
        key = oid_key(oid)
        if key <= self._last:
            last = ".".join(map(str, self._last))
            raise self._endless(snmp.LATER_OID(oid=last), snmp.OID(oid=oid))
        self._last = key
        self._taken += 1
        self._bytes += len(oid) + (len(value) if isinstance(value, bytes | str) else 8)
        if self._taken > ROWS_LIMIT or self._bytes > BYTES_LIMIT:
            expected = snmp.AT_MOST(variables=ROWS_LIMIT, size=BYTES_LIMIT)
            raise self._endless(expected, snmp.ENDLESS())
        if value is not None:
            self.rows[oid] = value

    def _endless(self, expected: Message, came: Message) -> InvalidResponse:
        step = snmp.RESTART_DEVICE()
        return InvalidResponse(expected=expected, came=came, where=self._where, next_step=step)
