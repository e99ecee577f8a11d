"""What the uplink is told, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an uplink says about its box.

    Attributes:
        boot: The first `cloud_link.wire.BOOT_SIZE` bytes of this boot's id.
        software: The gateway's version.
        now: Milliseconds since boot.
        offset: Milliseconds from boot time to Unix time, or ``None`` while unknown.
    """

    boot: bytes
    software: str
    now: Callable[[], int]
    offset: Callable[[], int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much at once, and how long to wait; times in milliseconds, sizes in bytes.

    Attributes:
        flight: Records of one lane sent and not yet acknowledged, at most (and one batch more).
            Each lane has its own, so that data never keeps events waiting.
        batch: Records in one message, at most; a larger record travels alone.
        read: Records of one stream kept in memory beside those in flight.
        fresh_run: Fresh records sent in a row while old ones wait; then old ones have their turn.
        lag: Records by which the fresh cursor may fall behind before it jumps to the newest.
        ack: Wait for an acknowledgement; doubles with every resend of the same record.
        pause: The first pause of the `Breaker`; doubles.
        longest: Neither grows beyond this.
        look: The spool is looked at this often even when nobody says that something came.
        gather: Acknowledgements that only say "ok" gather this long for one commit of the spool,
            unless room is what sending waits for.
    """

    flight: int = 128 * 1024
    batch: int = 16 * 1024
    read: int = 64 * 1024
    fresh_run: int = 64 * 1024
    lag: int = 1_000
    ack: int = 15_000
    pause: int = 1_000
    longest: int = 120_000
    look: int = 1_000
    gather: int = 1_000

    def ack_wait(self, tries: int) -> int:
        """How long the ``tries``-th sending of a record (from 1) waits for its answer."""
        return int(min(self.ack * 2 ** min(tries - 1, 30), self.longest))

    def pause_wait(self, strikes: int) -> int:
        """How long the ``strikes``-th pause in a row (from 1) lasts, before jitter."""
        return int(min(self.pause * 2 ** min(strikes - 1, 30), self.longest))


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How to hold and regain the connection; seconds.

    Attributes:
        keepalive: A silent link is found dead within two of them.
        first_wait: Before the second attempt, and the most of the jitter; doubles.
        longest_wait: It does not grow beyond this.
    """

    keepalive: int = 30
    first_wait: float = 0.5
    longest_wait: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkState:
    """A snapshot for the health report; times in milliseconds since boot.

    Attributes:
        session: The number of the last session that connected; 0 before the first.
        connected_since: ``None`` while not connected.
        last_ack_at: When an answer was last settled, in any session; ``None`` if never.
        heard: Answers of this session that gather to be settled.
        in_flight_records: Sent and not answered.
        in_flight_bytes: Of their messages.
        pausing: Connected, but the portal or the broker takes nothing just now.
        delivered: Records that the portal has stored, since the daemon's start.
        rejected: Records that it has quarantined.
        error: What is wrong, with the next step; "" while all is well.
    """

    session: int
    connected_since: int | None
    last_ack_at: int | None
    heard: int
    in_flight_records: int
    in_flight_bytes: int
    pausing: bool
    delivered: int
    rejected: int
    error: str
