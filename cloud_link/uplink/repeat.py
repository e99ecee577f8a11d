"""When to announce the session again. Pure, no I/O.

A portal finds what it lost by an ``online`` message (`cloud_link.wire.Online.acknowledged`). The
connection outlives the portal's database, so the message is repeated; and sooner after the portal
has asked for records, until all that it asked for is acknowledged: it may have more to ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloud_link.uplink.model import UplinkLimits
    from cloud_link.wire import Ack, AcknowledgedEpoch


class OnlineRepeat:
    """The times of one session's ``online`` messages, in milliseconds of one steady clock."""

    def __init__(self, limits: UplinkLimits, now: int) -> None:
        self._limits = limits
        self._due = now + limits.online_ms
        self._asked: dict[tuple[bytes, int], int] = {}
        self._rounds = 0

    def due(self, now: int) -> bool:
        """Whether the message is to be sent."""
        return now >= self._due

    def on_asked(self, ack: Ack, now: int) -> None:
        """The portal asked for records, and got some: ask it soon whether it wants more."""
        key = (ack.epoch, int(ack.lane))
        last = max(last for _, last in ack.resend)
        self._asked[key] = max(last, self._asked.get(key, 0))
        self._rounds = 0
        self._due = min(self._due, now + self._limits.pause(1))

    def on_sent(self, acknowledged: Iterable[AcknowledgedEpoch], now: int) -> None:
        """The message was sent, with this in it."""
        reached = {
            (one.epoch, lane): until for one in acknowledged for lane, until in one.lanes.items()
        }
        self._asked = {
            key: last for key, last in self._asked.items() if reached.get(key, -1) < last
        }
        self._rounds += 1
        wait = self._limits.pause(self._rounds) if self._asked else self._limits.online_ms
        self._due = now + min(wait, self._limits.online_ms)
