"""The spool: what was accepted stays here until the portal holds it.

A record is *accepted* when `Spool.append` returns: its commit is on the disk, not only in the
kernel. From then on it leaves in exactly three ways::

    accepted --> pending --> settled    the portal stored it, or quarantined it
                    |
                    `-----> gapped      dropped: byte cap, full disk, damage; announced by a gap

and at any time accepted = pending + settled + gapped, for each (epoch, lane, seq). Every opening
begins a new epoch, so that a restored or copied file never gives out a number again.

`Spool` blocks and belongs to one thread; `cloud_link.spool.writer.SpoolWriter` is its async side.
The parts: `spool_folder` (files, lock, ballast), `spool_schema` (tables), `spool_ledger` (rows),
`spool_losses` and `spool_gaps` (what was dropped), `spool_settle` (acknowledgements),
`spool_salvage` (damage).

Sources: design section 5; docs/adr/0005; https://sqlite.org/wal.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import structlog

from cloud_link.spool.acks import Settlement
from cloud_link.spool.database import Database, translated
from cloud_link.spool.folder import Folder, Note
from cloud_link.spool.gaps import Reason
from cloud_link.spool.losses import Refusals
from cloud_link.spool.model import (
    Entry,
    Settled,
    SpoolDamaged,
    SpoolError,
    SpoolFull,
    SpoolLimits,
    SpoolStats,
    Stored,
)
from cloud_link.spool.records import Epoch, Row
from cloud_link.spool.recovery import Salvage, unfinished
from cloud_link.spool.schema import first_id, last_id
from cloud_link.wire import BOOT_SIZE, Ack, Lane, Table

T = TypeVar("T")

_SESSION: Final = "session"
_REJECTED: Final = "rejected"
EVENT_SHARE: Final = 2
"""Events may use half of the room: an outage of months must not leave room for nothing else."""

log = structlog.get_logger(__name__)


class Spool:
    """The outbox of one box, in one folder, used by one thread. Made by `Spool.open`.

    Attributes:
        epoch: The name of the epoch that new records get their numbers in.
        ordinal: That epoch's ordinal.
        generation: Grows when something begins to be dropped, when that was announced, and when a
            new epoch begins: whoever leaves out what has not changed must then send everything
            again. Not with every drop: that would fill a full spool with repetitions.
    """

    def __init__(self, folder: Folder, boot: bytes, limits: SpoolLimits) -> None:
        self._folder = folder
        self._boot = boot
        self._limits = limits
        self._refusals = Refusals()
        self._aside: Path | None = None
        self._current = self._next = Epoch(name=b"", ordinal=0)
        self.generation = 0
        try:
            self._database = Database(folder, limits)
            self._begin(None)
        except SpoolDamaged as error:
            self._replace(error)

    @classmethod
    def open(cls, folder: Path, *, boot: bytes, limits: SpoolLimits) -> Spool:
        """Open the spool in ``folder``, making it if absent, and begin a new epoch.

        A damaged database is set aside under a name that says when, whatever of it is sound is
        carried over, and the rest is announced by a gap.

        Args:
            folder: Made with mode 0700 if absent.
            boot: The first `BOOT_SIZE` bytes of this boot's id.
            limits: How much disk to use.

        Raises:
            SpoolLocked: another process has it open.
            SpoolFull: the disk is so full that not even the ballast helps; try again later.
            SpoolError: the folder cannot be used.
            ValueError: ``boot`` is not `BOOT_SIZE` bytes.
        """
        if len(boot) != BOOT_SIZE:
            raise ValueError(f"a boot is {BOOT_SIZE} bytes, not {len(boot)}")
        held = Folder(folder)
        try:
            return cls(held, boot, limits)
        except BaseException:
            held.close()
            raise

    def close(self) -> None:
        """Account for what was refused, copy the log back and let go of the folder.

        Without it nothing accepted is lost. What was refused is forgotten if the disk takes not
        even its number until the process ends; nobody was ever told that it was accepted.
        """
        if self._refusals:
            with contextlib.suppress(SpoolError):
                self._commit(lambda: None)
        self._database.close()
        self._folder.close()

    # Taking and giving

    def append(self, entries: Iterable[Entry]) -> tuple[int, ...]:
        """Accept ``entries``: all of them, in one commit that a power cut does not undo.

        Returns:
            Their sequence numbers, in the order given.

        Raises:
            SpoolFull: the disk takes nothing more; none was accepted. Their numbers are used up
                and belong to a gap of reason "disk", so that the portal still knows of every
                number whether it comes or not.
        """
        batch = tuple(entries)
        if not batch:
            return ()
        try:
            size = sum(len(entry.body) for entry in batch)
            if not self._read(lambda: self._database.has_room(size)):
                raise SpoolFull("the disk is still full: free some space")
            return self._commit(partial(self._append, batch), spare=False)
        except SpoolFull:
            self._refuse(batch)
            raise

    def pending(self, lane: Lane, *, after: int, limit_bytes: int) -> list[Stored]:
        """Records of ``lane`` with ids above ``after`` (0: from the oldest), in order.

        As many as fit ``limit_bytes`` of bodies, at least one if there is one. A record that is
        no longer what was accepted is not given out but becomes a gap of reason "damaged".
        """
        rows = self._rows(max(after + 1, first_id(lane)), last_id(lane), limit_bytes)
        sound: list[Row] = []
        spoiled: list[Row] = []
        for row in rows:
            (sound if row.sound else spoiled).append(row)
        if spoiled:
            self._commit(partial(self._lose, spoiled))
        names = self._read(self._database.ledger.epoch_names) if sound else {}
        return [row.stored(names[row.ordinal]) for row in sound]

    def newest_id(self, lane: Lane) -> int:
        """The id given out last in ``lane``; records that come will have greater ones."""
        query = "SELECT newest FROM lane WHERE lane = ?"
        return int(self._read(lambda: self._database.db.execute(query, (lane,)).fetchone()[0]))

    def settle(self, ack: Ack) -> Settled:
        """Do what the portal's acknowledgement asks; twice is as good as once.

        Numbers, lanes and epochs that are not here are ignored. See `cloud_link.spool.acks`.

        Raises:
            SpoolFull: the disk refuses even this; nothing changed, the portal will say it again.
        """
        return self.settle_all((ack,))[0]

    def settle_all(self, acks: Sequence[Ack]) -> list[Settled]:
        """`settle` each of ``acks`` in their order, all in one transaction; raises the same."""
        return self._commit(lambda: [self._settle(ack) for ack in acks])

    def tables(self, ids: Iterable[bytes]) -> list[Table]:
        """The tables called ``ids`` that records here refer to."""
        names = tuple(ids)
        return self._read(lambda: self._database.ledger.tables(names))

    def seal_gaps(self) -> int:
        """Turn what was dropped so far into records of `Lane.GAP`; returns how many."""
        if not self._refusals and not self._read(lambda: self._database.losses.open_gaps()):
            return 0
        sealed = self._commit(lambda: self._database.losses.seal(self._current, self._boot))
        self.generation += bool(sealed)
        return sealed

    # Numbers and facts

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

        def counters() -> dict[Lane, int]:
            ledger = self._database.ledger  # another one, if the database had to be replaced
            return {lane: ledger.counter(self.ordinal, lane)[1] for lane in Lane}

        return self._read(counters)

    def next_session(self) -> int:
        """A number greater than any returned before, kept across restarts; from 1."""

        def take() -> int:
            note = self._folder.read_note()
            session = max(int(self._database.fact(_SESSION) or 0), note.session if note else 0) + 1
            self._database.set_fact(_SESSION, b"%d" % session)
            return session

        session = self._commit(take)
        self._write_note(session)
        return session

    def remember(self, key: str, value: bytes) -> None:
        """Keep a small fact under ``key``, in the same file as the records."""
        self._commit(lambda: self._database.set_fact(f"own:{key}", value))

    def recall(self, key: str) -> bytes | None:
        """The fact kept under ``key``, or ``None``."""
        return self._read(lambda: self._database.fact(f"own:{key}"))

    def stats(self) -> SpoolStats:
        """The spool's state, from counters kept with every change: no scan."""
        return self._read(self._stats)

    # Inside a transaction

    def _append(self, batch: Sequence[Entry]) -> tuple[int, ...]:
        numbers: dict[int, int] = {}
        for lane in sorted({entry.lane for entry in batch}):
            places = [place for place, entry in enumerate(batch) if entry.lane is lane]
            chosen = [batch[place] for place in places]
            first = self._database.ledger.insert(self.ordinal, lane, self._boot, chosen)
            numbers.update((place, first + index) for index, place in enumerate(places))
        if self._database.excess() > 0:
            losses = self._database.losses
            known = losses.open_lanes()
            losses.shrink(self._database.excess, self._database.room_bytes() // EVENT_SHARE)
            self.generation += losses.open_lanes() > known
        return tuple(numbers[place] for place in range(len(batch)))

    def _settle(self, ack: Ack) -> Settled:
        settlement = Settlement(self._database.ledger, self._database.losses, self._next, ack)
        settled = settlement.apply()
        if settled.rejected:
            total = int(self._database.fact(_REJECTED) or 0) + settled.rejected
            self._database.set_fact(_REJECTED, b"%d" % total)
        self._next = settlement.epoch
        self.generation += bool(settled.lost)
        return settled

    def _lose(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._database.losses.lose(row, Reason.DAMAGED)
        self.generation += 1

    def _stats(self) -> SpoolStats:
        query = "SELECT lane, records, dropped, newest FROM lane"
        lanes = self._database.db.execute(query).fetchall()
        oldest = self._database.db.execute(
            "SELECT boot, at FROM record WHERE id IN "
            "(SELECT (SELECT min(id) FROM record WHERE id >= (lane << 56) "
            "AND id < ((lane + 1) << 56)) FROM lane) ORDER BY ordinal, at LIMIT 1"
        ).fetchone()
        return SpoolStats(
            records={Lane(lane): records for lane, records, _, _ in lanes},
            bytes=self._database.used_bytes() + self._folder.log_bytes(),
            oldest=oldest,
            dropped={Lane(lane): dropped for lane, _, dropped, _ in lanes},
            rejected=int(self._database.fact(_REJECTED) or 0),
            disk_free=self._folder.free_bytes(),
            full=not self._database.ballast.held,
            open_gaps=self._database.losses.open_gaps(),
            accepted={Lane(lane): newest + 1 - first_id(lane) for lane, _, _, newest in lanes},
            epoch=self.epoch,
            next={lane: self._database.ledger.counter(self.ordinal, lane)[1] for lane in Lane},
        )

    # Transactions, and what can go wrong with them

    def _read(self, work: Callable[[], T]) -> T:
        self._finish_replacing()
        try:
            return self._database.read(work)
        except SpoolDamaged as error:
            self._replace(error)
            return self._database.read(work)

    def _rows(self, first: int, last: int, limit_bytes: int) -> list[Row]:
        return self._read(lambda: self._database.ledger.rows_within(first, last, limit_bytes))

    def _commit(self, work: Callable[[], T], *, spare: bool = True) -> T:
        """Do ``work`` in a transaction, with the refused accounted for first."""

        def whole() -> T:
            self._next = self._current
            self._refusals.note(
                self._database.ledger, self._database.losses, self.ordinal, self._boot
            )
            return work()

        self._finish_replacing()
        try:
            result = self._database.commit(whole, spare=spare)
        except SpoolDamaged as error:
            self._replace(error)
            result = self._database.commit(whole, spare=spare)
        if self._refusals:
            self._refusals.clear()
            self.generation += 1
        if self._next != self._current:
            self._adopt_epoch(self._next)
        return result

    def _refuse(self, batch: Sequence[Entry]) -> None:
        """Count ``batch`` as lost: on the disk at once if that is possible, else as soon as."""
        self._refusals.add(batch)
        with contextlib.suppress(SpoolFull):
            self._commit(lambda: None)

    def _begin(self, aside: Path | None) -> None:
        """Begin an epoch; save and announce what a set aside or vanished database held."""
        note = self._folder.read_note()
        database = self._database
        try:
            aside = aside or unfinished(database, self._folder.path, note)
            salvage = Salvage(database, aside) if aside else None

            def begin() -> Epoch:
                above = max(note.ordinal if note else 0, salvage.greatest_ordinal if salvage else 0)
                epoch = database.ledger.begin_epoch(above)
                if salvage:
                    salvage.prepare(note)
                return epoch

            epoch = database.commit(begin)
            if salvage:
                log.warning("spool_recovered", records=salvage.finish(note))
        except BaseException:
            # Whoever asked gets no spool, and nobody else could open it while this one holds it.
            database.close()
            raise
        self._adopt_epoch(epoch)

    def _adopt_epoch(self, epoch: Epoch) -> None:
        self._current = self._next = epoch
        self.generation += 1
        note = self._folder.read_note()
        self._write_note(note.session if note else 0)

    def _write_note(self, session: int) -> None:
        self._folder.write_note(Note(ordinal=self.ordinal, epoch=self.epoch, session=session))

    def _replace(self, error: SpoolDamaged) -> None:
        """Set the damaged database aside and go on with a new one, in a new epoch.

        What a full or failing disk does not allow now is done before anything else is.
        """
        if hasattr(self, "_database"):
            self._database.abandon()
        with translated():
            self._aside = self._folder.set_aside()
        log.error("spool_damaged", problem=str(error), kept=str(self._aside))
        self._finish_replacing()

    def _finish_replacing(self) -> None:
        if self._aside is not None:
            self._database = Database(self._folder, self._limits)
            self._begin(self._aside)
            self._aside = None
