"""What a session says of itself and of the spool when it begins, and whenever it repeats that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloud_link.wire import VERSION, AcknowledgedEpoch, Lane, Online, encode

if TYPE_CHECKING:
    from cloud_link.ranges import Range
    from cloud_link.spool.spool import Spool
    from cloud_link.uplink.model import BoxInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStart:
    """The state of the spool at the start of a session.

    Attributes:
        session: The session's number.
        newest: The newest id of each lane.
        epoch: The current epoch, and its ``ordinal``.
        next_seqs: For each lane, the next sequence number of this epoch.
        acknowledged: How far the epochs are acknowledged.
        complete: The runs of ordinals of which that names every epoch.
    """

    session: int
    newest: dict[Lane, int]
    epoch: bytes
    ordinal: int
    next_seqs: dict[int, int]
    acknowledged: tuple[AcknowledgedEpoch, ...]
    complete: tuple[Range, ...]

    @classmethod
    def begin(cls, spool: Spool) -> SessionStart:
        """Begin a session: take a session number; in the spool's thread."""
        return cls.of(spool, spool.next_session())

    @classmethod
    def of(cls, spool: Spool, session: int) -> SessionStart:
        """The spool's present state, for a session that has begun; in the spool's thread."""
        return cls(
            session=session,
            newest={lane: spool.newest_id(lane) for lane in Lane},
            epoch=spool.epoch,
            ordinal=spool.ordinal,
            next_seqs={int(lane): seq for lane, seq in spool.next_seqs().items()},
            acknowledged=spool.acknowledged(),
            complete=spool.complete(),
        )

    def online(self, info: BoxInfo, *, alive: bool) -> bytes:
        """The body of an ``online`` message (`cloud_link.topics.Up.ONLINE`)."""
        return encode(
            Online(
                VERSION,
                self.session,
                alive,
                info.boot,
                self.epoch,
                self.ordinal,
                self.next_seqs,
                info.software,
                info.offset(),
                self.acknowledged if alive else (),
                self.complete if alive else (),
            )
        )
