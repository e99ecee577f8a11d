"""The uplink's limits, connection settings, box information and state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.text import MessageError


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxInfo:
    """The facts about a box that an uplink reports.

    Attributes:
        boot: The first `cloud_link.limits.BOOT_SIZE` bytes of this boot's id.
        software: The gateway's version.
        now: Returns milliseconds since boot.
        offset: Returns milliseconds from boot time to Unix time, or ``None`` while unknown.
    """

    boot: bytes
    software: str
    now: Callable[[], int]
    offset: Callable[[], int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkLimits:
    """Sizes and times of an uplink.

    Attributes:
        window_bytes: Most bytes of one lane's records that are sent and not yet acknowledged (and
            one batch more). Each lane has its own, so that data never keeps events waiting.
        batch_bytes: Most bytes of records in one message; a larger record travels alone.
        read_bytes: Most bytes of records that one cursor keeps in memory beside those in flight.
        fresh_run_bytes: Fresh records sent in a row while old ones wait; then old ones take a turn.
        lag_records: Records by which the fresh cursor may fall behind before it jumps to the
            newest.
        ack_timeout_ms: Wait for an acknowledgement; doubles with every resend of a record.
        pause_ms: The first pause of the `cloud_link.uplink.flow.CircuitBreaker`; doubles.
        max_wait_ms: The most that timeout and pause grow to.
        poll_ms: The spool is read this often even when no append was reported.
        gather_ms: Acknowledgements that only say "ok" are gathered this long for one commit of the
            spool, unless sending waits for room in the window.
        online_ms: The session is announced again this often, so that a portal that was restored
            meanwhile learns what it should have.
    """

    window_bytes: int = 128 * 1024
    batch_bytes: int = 16 * 1024
    read_bytes: int = 64 * 1024
    fresh_run_bytes: int = 64 * 1024
    lag_records: int = 1_000
    ack_timeout_ms: int = 15_000
    pause_ms: int = 1_000
    max_wait_ms: int = 120_000
    poll_ms: int = 1_000
    gather_ms: int = 1_000
    online_ms: int = 600_000

    def ack_timeout(self, tries: int) -> int:
        """Milliseconds that the ``tries``-th sending of a record (from 1) waits for its answer."""
        return int(min(self.ack_timeout_ms * 2 ** min(tries - 1, 30), self.max_wait_ms))

    def pause(self, failures: int) -> int:
        """Milliseconds of the pause after so many failures in a row (from 1), before jitter."""
        return int(min(self.pause_ms * 2 ** min(failures - 1, 30), self.max_wait_ms))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """Settings for keeping and regaining the connection, in seconds.

    Attributes:
        keepalive_s: A silent connection is found dead within two of them.
        first_wait_s: The wait before the second attempt, and the most of its jitter; doubles.
        max_wait_s: The most that the wait grows to.
    """

    keepalive_s: int = 30
    first_wait_s: float = 0.5
    max_wait_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkState:
    """A snapshot for the health report; times in milliseconds since boot.

    Attributes:
        session: The number of the last session that connected; 0 before the first.
        connected_since: ``None`` while not connected.
        last_ack_at: When an acknowledgement was last settled, in any session; ``None`` if never.
        gathered_acks: Acknowledgements of this session that are not settled yet.
        in_flight_records: Records sent and not yet acknowledged.
        in_flight_bytes: Bytes of the messages with these records.
        pausing: Connected, but portal or broker refuse everything at present.
        delivered: Records that the portal has stored, since the daemon's start.
        rejected: Records that the portal has quarantined, since the daemon's start.
        error: The last error; ``None`` while there is none.
    """

    session: int
    connected_since: int | None
    last_ack_at: int | None
    gathered_acks: int
    in_flight_records: int
    in_flight_bytes: int
    pausing: bool
    delivered: int
    rejected: int
    error: MessageError | None
