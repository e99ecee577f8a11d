"""The spool's entries, records, limits, statistics and errors.

Errors::

    SpoolError                 what, where, why and the next step
    |-- SpoolFullError         the disk takes nothing more
    |   `-- SpoolDiskError     ... because it answers with errors, or is read-only
    |-- SpoolDamagedError      what is on the disk is not what was written (handled inside)
    `-- SpoolLockedError       another process holds this spool
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cloud_link.records import Table
from cloud_link.wire import Lane
from console.templates import spool
from console.text import MessageError

MEBIBYTE = 1024 * 1024

Boot: TypeAlias = bytes
"""The first 8 bytes of a boot id."""
EpochName: TypeAlias = bytes
"""`cloud_link.limits.EPOCH_SIZE` random bytes."""


class SpoolError(MessageError):
    """The base of the spool's errors."""


class SpoolFullError(SpoolError):
    """The disk takes nothing more. What was refused is counted and becomes a gap ("disk")."""


class SpoolDiskError(SpoolFullError):
    """The disk answers with errors or is read-only: space alone would not help."""


class SpoolDamagedError(SpoolError):
    """The database is not what was written. It is quarantined and a new one begun."""


class SpoolLockedError(SpoolError):
    """Another process has this spool open; ``pid`` names it (``None`` when it left no name)."""

    def __init__(self, folder: str, pid: int | None) -> None:
        what = spool.LOCKED(process=pid) if pid else spool.LOCKED_BY_OTHER()
        super().__init__(what, where=folder, next_step=spool.STOP_OTHER())
        self.pid = pid


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A record on its way into the spool.

    Attributes:
        lane: Which queue it travels in.
        body: The encoded record, at most `cloud_link.limits.RECORD_LIMIT` bytes.
        at: Milliseconds since boot of its (first) reading.
        readings: How many readings it carries; 0 for events.
        table: The table that a data record's integers refer to. The spool keeps it for as long
            as any record here refers to it.
        refused: Whether `cloud_link.validation` refuses the record, so that it cannot be sent. It
            takes a number, which a gap of reason "invalid" announces; ``body`` is empty.
    """

    lane: Lane
    body: bytes
    at: int
    readings: int
    table: Table | None = None
    refused: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SpoolRecord:
    """A record in the spool, as it is sent.

    Attributes:
        id: Unique in this spool; grows within a lane in the order of sending. A record that is
            renumbered gets a new, greater one.
        epoch: With ``lane`` and ``seq`` its name towards the portal. ``ordinal`` is the epoch's.
        boot: The boot that its times count from: the first 8 bytes of the boot id.
        table: The id of the table its body refers to.
    """

    id: int
    epoch: bytes
    ordinal: int
    lane: Lane
    seq: int
    boot: bytes
    body: bytes
    table: bytes | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SpoolLimits:
    """The disk space that the spool may use.

    Attributes:
        cap_bytes: Most bytes that database and write-ahead log together may occupy.
        gap_reserve_bytes: Part of the cap that only gap records may use.
        reserve_file_bytes: Size of a file beside the cap that is released when the disk is full, so
            that the database can still delete and account.
        retained_bytes: Part of the cap that acknowledged records may use, for a portal that is
            restored from a backup; they go first wherever space is needed. 0: none are kept.
        retained_ms: Milliseconds since their reading for which they stay; time during which the
            box was off is not counted.
    """

    cap_bytes: int = 256 * MEBIBYTE
    gap_reserve_bytes: int = 4 * MEBIBYTE
    reserve_file_bytes: int = 8 * MEBIBYTE
    retained_bytes: int = 64 * MEBIBYTE
    retained_ms: int = 48 * 3_600_000

    def __post_init__(self) -> None:
        sizes = (self.cap_bytes, self.gap_reserve_bytes, self.reserve_file_bytes)
        if min(*sizes, self.retained_bytes, self.retained_ms) < 0:
            raise ValueError("spool limits must not be negative")
        if self.gap_reserve_bytes >= self.cap_bytes:
            raise ValueError(
                f"a reserve of {self.gap_reserve_bytes} bytes leaves nothing of a cap of "
                f"{self.cap_bytes}: make the cap larger"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class SettleResult:
    """The effect of an acknowledgement on the spool.

    Attributes:
        ok: Records settled because the portal holds them.
        rejected: Records settled because the portal quarantined them.
        tables: Tables to send before the records that need them.
        renumbered: Records that got new numbers in a new epoch; they are pending again.
        new_epoch: Whether a new epoch began.
        lost: Records that can never be sent, and were found to be so.
        resent: Retained records that are pending again, because the portal asked for them.
        gone: Numbers that the portal asked for and the spool no longer has; a gap announces them.
        exhausted: Whether the portal asked for more than `cloud_link.spool.resend` allows.
    """

    ok: int = 0
    rejected: int = 0
    tables: tuple[Table, ...] = ()
    renumbered: int = 0
    new_epoch: bool = False
    lost: int = 0
    resent: int = 0
    gone: int = 0
    exhausted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SpoolStats:
    """The spool's state, for the health report.

    Attributes:
        records: Pending records of each lane.
        bytes: Disk in use by pending records: pages of the database that hold something, and the
            log, without ``retained_bytes``.
        oldest: (boot, milliseconds) of the oldest pending record; ``None`` when empty.
        dropped: Records of each lane that were accepted or offered and then lost to the cap, a
            full disk or damage, since the spool began.
        rejected: Records the portal quarantined, since the spool began.
        disk_free: Bytes free on the file system.
        full: Whether the reserve file is released and appends are refused for want of disk.
        open_gaps: Gaps not yet sealed into records.
        accepted: Records of each lane that were given a number, since the spool began.
        epoch: The current epoch; its next number in each lane is ``next``.
        retained: Acknowledged records of each lane that are still here.
        retained_bytes: Disk in use by them, about.
    """

    records: Mapping[Lane, int]
    bytes: int
    oldest: tuple[Boot, int] | None
    dropped: Mapping[Lane, int] = field(default_factory=dict)
    rejected: int = 0
    disk_free: int = 0
    full: bool = False
    open_gaps: int = 0
    accepted: Mapping[Lane, int] = field(default_factory=dict)
    epoch: EpochName = b""
    next: Mapping[Lane, int] = field(default_factory=dict)
    retained: Mapping[Lane, int] = field(default_factory=dict)
    retained_bytes: int = 0
