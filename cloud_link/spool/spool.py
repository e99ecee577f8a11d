"""The spool: every accepted record stays here until the portal has stored it.

A record is *accepted* when `Spool.append` returns: its commit is on the disk, not only in the
kernel. From then on it stops being pending in exactly two ways::

    accepted --> pending --> settled    the portal stored it, or quarantined it
                    | ^---------'       retained for a while, in case the portal asks for it again
                    `-----> gapped      dropped: byte cap, full disk, damage; announced by a gap

and at any time accepted = pending + settled + gapped, for each (epoch, lane, seq). Every opening
begins a new epoch, so that a restored or copied file never gives out a number again.

`Spool` blocks and belongs to one thread; `cloud_link.spool.writer.SpoolWriter` is its async side.
The parts: `folder` (files, lock, reserve file), `schema` (tables), `database` (transactions),
`records` and `settled` (rows), `losses` and `gaps` (drops), `acks` (acknowledgements), `retention`
and `resend` (what was acknowledged), `acknowledged` (how far), `opening` and `recovery` (damage).

Sources: design section 5; docs/adr/0005; https://sqlite.org/wal.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import structlog

from cloud_link.limits import BOOT_SIZE
from cloud_link.ranges import Range
from cloud_link.records import Table
from cloud_link.spool.acceptance import insert, make_room
from cloud_link.spool.acknowledged import Acknowledged
from cloud_link.spool.acks import Settlement
from cloud_link.spool.database import Database, translate_errors
from cloud_link.spool.folder import EpochMarker, SpoolFolder
from cloud_link.spool.gaps import GapReason
from cloud_link.spool.losses import Refusals
from cloud_link.spool.model import (
    Entry,
    SettleResult,
    SpoolDamagedError,
    SpoolError,
    SpoolFullError,
    SpoolLimits,
    SpoolRecord,
    SpoolStats,
)
from cloud_link.spool.opening import open_database
from cloud_link.spool.reading import rows_to_send
from cloud_link.spool.records import Epoch, Row
from cloud_link.spool.resend import Resend
from cloud_link.spool.schema import first_id, last_id
from cloud_link.spool.stats import count_rejected, spool_stats
from cloud_link.wire import Ack, AcknowledgedEpoch, Lane
from console.templates.spool import DISK_FULL, FREE_SPACE

T = TypeVar("T")

MARKED_EPOCHS: Final = 64
"""Newest epochs whose names are kept beside the database as well."""
_SESSION: Final = "session"

log = structlog.get_logger(__name__)


class Spool:
    """The spool of one box, in one folder, used by one thread; opened by `Spool.open`.

    Attributes:
        epoch: The name of the epoch that new records get their numbers in.
        ordinal: That epoch's ordinal.
        generation: Grows when a drop begins, when it was announced, and when a new epoch begins: a
            caller that leaves out unchanged values must then send all of them again. It does not
            grow with every drop: that would fill a full spool with repetitions.
    """

    def __init__(self, folder: SpoolFolder, boot: bytes, limits: SpoolLimits) -> None:
        self._folder = folder
        self._boot = boot
        self._limits = limits
        self._refusals = Refusals()
        self._quarantined: Path | None = None
        self._current = self._next = Epoch(name=b"", ordinal=0)
        self._held: frozenset[int] = frozenset()
        self._handed_out = 0
        self._now = 0
        self._rounds = 0
        self.generation = 0
        try:
            self._database = Database(folder, limits)
            self._begin(None)
        except SpoolDamagedError as error:
            self._replace(error)

    @classmethod
    def open(cls, folder: Path, *, boot: bytes, limits: SpoolLimits) -> Spool:
        """Open the spool in ``folder``, making it if absent, and begin a new epoch.

        A damaged database is quarantined: renamed after the time. Its undamaged records are carried
        over, and the rest is announced by a gap.

        Args:
            folder: The spool's folder; made with mode 0700 if absent.
            boot: The first `BOOT_SIZE` bytes of this boot's id.
            limits: How much disk to use.

        Raises:
            SpoolLockedError: Another process has it open.
            SpoolFullError: The disk is so full that not even the reserve file helps.
            SpoolError: The folder cannot be used.
            ValueError: ``boot`` is not `BOOT_SIZE` bytes.
        """
        if len(boot) != BOOT_SIZE:
            raise ValueError(f"a boot is {BOOT_SIZE} bytes, not {len(boot)}")
        held = SpoolFolder(folder)
        try:
            return cls(held, boot, limits)
        except BaseException:
            held.close()
            raise

    def close(self) -> None:
        """Account for refused records, copy the log back and release the folder.

        Without it nothing accepted is lost. Refused records are forgotten if the disk does not even
        take their numbers until the process ends; no caller was told that they were accepted.
        """
        if self._refusals:
            with contextlib.suppress(SpoolError):
                self._commit(lambda: None)
        self._database.close()
        self._folder.close()

    # Records

    def append(self, entries: Iterable[Entry]) -> tuple[int, ...]:
        """Accept ``entries``: all of them, in one commit that a power cut does not undo.

        Returns:
            Their sequence numbers, in the order given.

        Raises:
            SpoolFullError: The disk takes nothing more; none was accepted. Their numbers are used
                up and belong to a gap of reason "disk", so that the portal still knows of every
                number whether it comes or not.
        """
        batch = tuple(entries)
        if not batch:
            return ()
        try:
            size = sum(len(entry.body) for entry in batch)
            if not self._has_room(size):
                raise SpoolFullError(DISK_FULL(), next_step=FREE_SPACE())
            return self._commit(partial(self._append, batch), use_reserve=False)
        except SpoolFullError:
            self._refuse(batch)
            raise

    def pending(self, lane: Lane, *, after: int, limit_bytes: int) -> list[SpoolRecord]:
        """Records of ``lane`` with ids above ``after`` (0: from the oldest), in order.

        As many as fit ``limit_bytes`` of bodies, at least one if there is one. A record whose
        checksum does not fit is left out and becomes a gap of reason "damaged"; one that is not
        where its number belongs means that the file is damaged. Those returned are held until the
        next `hold`.
        """
        span = max(after + 1, first_id(lane)), last_id(lane)
        rows = self._read(lambda: rows_to_send(self._database.records, span, limit_bytes))
        valid: list[Row] = []
        damaged: list[Row] = []
        for row in rows:
            (valid if row.checksum_ok else damaged).append(row)
        if damaged:
            self._commit(partial(self._drop, damaged))
        self._held |= {row.id for row in valid}
        if lane is Lane.GAP and valid:
            self._handed_out = max(self._handed_out, valid[-1].id)
        names = self._read(self._database.records.epoch_names) if valid else {}
        return [row.to_record(names[row.ordinal]) for row in valid]

    def hold(self, ids: frozenset[int]) -> None:
        """Hold the records with these ids and no others: they may be on their way to the portal.

        The byte cap drops held records last, so that none is announced as lost that arrives.
        """
        self._held = ids

    @property
    def held(self) -> frozenset[int]:
        """The ids of the records that are held; some may have been settled since."""
        return self._held

    def newest_id(self, lane: Lane) -> int:
        """The id given out last in ``lane``; records that come will have greater ones."""
        return self._read(lambda: self._database.records.newest_id(lane))

    def announces(self) -> bool:
        """Whether gap records are pending: a gap that opens meanwhile can wait for the next."""
        return self._read(lambda: self._database.records.pending_count(Lane.GAP)) > 0

    def settle(self, ack: Ack) -> SettleResult:
        """Apply the portal's acknowledgement; applying it again has no effect.

        Numbers, lanes and epochs that are not here, or that were not read for sending, are ignored.
        See `cloud_link.spool.acks`.

        Raises:
            SpoolFullError: The disk refuses even this; nothing changed, and the portal will
                acknowledge again.
        """
        return self.settle_all((ack,))[0]

    def settle_all(self, acks: Sequence[Ack]) -> list[SettleResult]:
        """`settle` each of ``acks`` in their order, all in one transaction; raises the same."""

        def settle() -> list[SettleResult]:
            results = [self._settle(ack) for ack in acks]
            self._database.retention.prune(self._boot, self._now)
            return results

        return self._commit(settle)

    def tables(self, ids: Iterable[bytes]) -> list[Table]:
        """The tables called ``ids`` that records here refer to."""
        names = tuple(ids)
        return self._read(lambda: self._database.records.tables(names))

    def seal_gaps(self) -> int:
        """Turn all open gaps into records of `Lane.GAP`; returns how many gaps.

        Until such a record is handed out by `pending`, the next gap of its kind is added to it.
        A gap of invalid records asks for no repetition: they would be refused again.
        """
        if not self._refusals and not self._read(lambda: self._database.losses.open_gaps()):
            return 0
        repeat = self._read(self._database.losses.asks_for_repetition) or bool(self._refusals)
        sealed = self._commit(
            lambda: self._database.losses.seal(self._current, self._boot, self._handed_out)
        )
        self.generation += bool(sealed and repeat)
        return sealed

    @property
    def epoch(self) -> bytes:
        """The name of the current epoch, `EPOCH_SIZE` random bytes."""
        return self._current.name

    @property
    def ordinal(self) -> int:
        """The current epoch's place among this box's epochs."""
        return self._current.ordinal

    def next_seqs(self) -> dict[Lane, int]:
        """For each lane, the number the next record of this epoch will get."""
        return self._read(
            lambda: {lane: self._database.records.counter(self.ordinal, lane)[1] for lane in Lane}
        )

    def acknowledged(self) -> tuple[AcknowledgedEpoch, ...]:
        """How far epochs are acknowledged: the newest, and in turn some of the older ones."""
        self._rounds += 1
        return self._read(lambda: Acknowledged(self._database).epochs(self._rounds))

    def complete(self) -> tuple[Range, ...]:
        """The runs of ordinals of which `acknowledged` has just named every epoch."""
        return self._read(lambda: Acknowledged(self._database).complete(self._rounds))

    def next_session(self) -> int:
        """A number greater than any returned before, kept across restarts; from 1."""

        def take() -> int:
            marker = self._folder.read_marker()
            known = int(self._database.fact(_SESSION) or 0)
            session = max(known, marker.session if marker else 0) + 1
            self._database.set_fact(_SESSION, b"%d" % session)
            return session

        session = self._commit(take)
        self._write_marker(session)
        return session

    def remember(self, key: str, value: bytes) -> None:
        """Keep a small fact under ``key``, in the same file as the records."""
        self._commit(lambda: self._database.set_fact(f"own:{key}", value))

    def recall(self, key: str) -> bytes | None:
        """The fact kept under ``key``, or ``None``."""
        return self._read(lambda: self._database.fact(f"own:{key}"))

    def stats(self) -> SpoolStats:
        """The spool's state, from counters kept with every change: no scan."""
        return self._read(lambda: spool_stats(self._database, self._folder, self._current))

    # Inside a transaction

    def _has_room(self, size: int) -> bool:
        """Whether the disk has room for ``size`` bytes; retained records make room first."""
        while not self._read(lambda: self._database.has_room(size)):
            if not self._commit(lambda: self._database.retention.release()):
                return False
        return True

    def _append(self, batch: Sequence[Entry]) -> tuple[int, ...]:
        self._now = max(self._now, *(entry.at for entry in batch))
        numbers = insert(self._database, self._current, self._boot, batch)
        self.generation += make_room(self._database, self._held)
        return numbers

    def _settle(self, ack: Ack) -> SettleResult:
        database = self._database
        settlement = Settlement(database.records, database.losses, self._held, self._next, ack)
        settled = settlement.apply()
        count_rejected(database, settled.rejected)
        self._next = settlement.epoch
        self.generation += bool(settled.lost)
        now = (self._boot, self._now)
        return Resend(database, ack, now).apply(settled) if ack.resend else settled

    def _drop(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._database.losses.drop(row, GapReason.DAMAGED)
        self.generation += 1

    # Transactions, and what can go wrong with them

    def _read(self, work: Callable[[], T]) -> T:
        self._finish_replacing()
        try:
            return self._database.read(work)
        except SpoolDamagedError as error:
            self._replace(error)
            return self._database.read(work)

    def _commit(self, work: Callable[[], T], *, use_reserve: bool = True) -> T:
        """Do ``work`` in a transaction, with the refused accounted for first."""

        def whole() -> T:
            self._next = self._current
            self._refusals.write(
                self._database.records, self._database.losses, self.ordinal, self._boot
            )
            return work()

        self._finish_replacing()
        try:
            result = self._database.commit(whole, use_reserve=use_reserve)
        except SpoolDamagedError as error:
            self._replace(error)
            result = self._database.commit(whole, use_reserve=use_reserve)
        if self._refusals:
            self._refusals.clear()
            self.generation += 1
        if self._next != self._current:
            self._adopt_epoch(self._next)
        return result

    def _refuse(self, batch: Sequence[Entry]) -> None:
        """Count ``batch`` as lost: on the disk at once if possible, else as soon as it is."""
        self._refusals.add(batch)
        with contextlib.suppress(SpoolFullError):
            self._commit(lambda: None)

    def _begin(self, quarantined: Path | None) -> None:
        opening = open_database(self._database, self._folder, self._boot, quarantined)
        self._handed_out = opening.handed_out
        self._adopt_epoch(opening.epoch)

    def _adopt_epoch(self, epoch: Epoch) -> None:
        self._current = self._next = epoch
        self.generation += 1
        marker = self._folder.read_marker()
        self._write_marker(marker.session if marker else 0)

    def _write_marker(self, session: int) -> None:
        known = self._database.read(self._database.records.epoch_names)
        names = {ordinal: known[ordinal] for ordinal in sorted(known)[-MARKED_EPOCHS:]}
        marker = EpochMarker(ordinal=self.ordinal, epoch=self.epoch, session=session, names=names)
        self._folder.write_marker(marker)

    def _replace(self, error: SpoolDamagedError) -> None:
        """Quarantine the damaged database and go on with a new one, in a new epoch.

        Steps that a full or failing disk does not allow now are done before anything else later.
        """
        if hasattr(self, "_database"):
            self._database.disconnect()
        with translate_errors():
            self._quarantined = self._folder.quarantine()
        log.error("spool_damaged", problem=str(error), kept=str(self._quarantined))
        self._finish_replacing()

    def _finish_replacing(self) -> None:
        if self._quarantined is not None:
            self._database = Database(self._folder, self._limits)
            self._begin(self._quarantined)
            self._quarantined = None
