"""What asking SNMP agents is made of: targets, users, values, and the ports of an agent. Pure.

Sources: RFC 3416 (v2c), RFC 3414 (v3), RFC 1157 (v1).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Protocol

from protocols.errors import Garbled

PORT: Final = 161
ROWS_LIMIT: Final = 20_000
"""More variables than the largest printer has below one identifier."""
BYTES_LIMIT: Final = 4_000_000
TRIES: Final = 2
"""How often a request is sent: UDP loses some, and asking again does no harm."""

Value = int | float | bytes | str
"""A number, the octets of a string, or, as text, an object identifier or an IP address."""
Reveal = Callable[[str], str]
"""From what stands for a secret to the secret; raises `protocols.errors.ProtocolError`."""
Take = Callable[[str, Value | None], None]
"""Called with each variable of a walk and its value; ``None`` for one without a value."""


class Version(StrEnum):
    """Of the protocol."""

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
        name: As the agent knows it.
        authentication: Of `AUTHENTICATIONS`; ``""`` for none.
        authentication_key: The password, or what `Reveal` knows it by.
        privacy: Of `PRIVACIES`; ``""`` for none.
        privacy_key: As the other.
    """

    name: str
    authentication: str = ""
    authentication_key: str = field(default="", repr=False)
    privacy: str = ""
    privacy_key: str = field(default="", repr=False)

    def revealed(self, reveal: Reveal) -> User:
        """The same with its keys."""
        return replace(
            self,
            authentication_key=reveal(self.authentication_key),
            privacy_key=reveal(self.privacy_key),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An agent and how it is spoken to.

    Attributes:
        host: Name or address.
        community: Of v1 and v2c, or what `Reveal` knows it by.
        user: Of v3.
        timeout_s: How long each try waits.
    """

    host: str
    port: int = PORT
    version: Version = Version.V2C
    community: str = field(default="public", repr=False)
    user: User | None = None
    timeout_s: float = 2.0

    def revealed(self, reveal: Reveal) -> Target:
        """The same with its community and keys."""
        user = self.user.revealed(reveal) if self.user else None
        return replace(self, community=reveal(self.community), user=user)

    @property
    def where(self) -> str:
        """For people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"snmp {host}:{self.port}"


class Agent(Protocol):
    """Something that answers for an agent; all of it raises `protocols.errors.ProtocolError`."""

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
        """Let go of it; a later request opens it again."""


class Session(Protocol):
    """One socket to an agent, used by one asker at a time.

    All of it raises `protocols.errors.ProtocolError`, and is of no use after that. Cancelled, it
    throws an answer that comes later away.
    """

    async def get(self, oids: Sequence[str]) -> dict[str, Value]:
        """See `Agent.get`."""

    async def walk(self, base: str, take: Take, columns: Collection[int] = ()) -> None:
        """Give everything below ``base`` to ``take``, whose errors end the walk.

        Args:
            base: See `Agent.walk`.
            take: Called in the order of the identifiers.
            columns: See `Agent.walk`.
        """

    def close(self) -> None:
        """Let go of the socket."""


def line_key(host: str, port: int) -> str:
    """What tells agents apart: each is a line of its own."""
    return f"snmp:{host.lower()}:{port}"


def oid_key(oid: str) -> tuple[int, ...]:
    """What object identifiers are sorted by."""
    return tuple(map(int, oid.split(".")))


class Growing:
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
        """Add a row, unless it has no value; raises `Garbled` where it cannot come next."""
        key = oid_key(oid)
        if key <= self._last:
            last = ".".join(map(str, self._last))
            raise self._endless(f"an identifier after {last}", oid)
        self._last = key
        self._taken += 1
        self._bytes += len(oid) + (len(value) if isinstance(value, bytes | str) else 8)
        if self._taken > ROWS_LIMIT or self._bytes > BYTES_LIMIT:
            expected = f"at most {ROWS_LIMIT} variables and {BYTES_LIMIT} bytes"
            raise self._endless(expected, "a table without end")
        if value is not None:
            self.rows[oid] = value

    def _endless(self, expected: str, came: str) -> Garbled:
        step = "Restart the device; if it says so again, ask its maker for newer firmware"
        return Garbled(expected=expected, came=came, where=self._where, next_step=step)
