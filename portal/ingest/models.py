"""The tables of the ingest.

::

    Box --- Epoch --- Receipt*      (lane, seq, hash) of every record taken, for a while
     |        |------ Watermark*    per lane: everything up to here was received
     |        `------ Gap*          what the box dropped, and said so
     |------ Hole*                  what was acknowledged, is not here, and was asked for again
     |------ WireTable*             what the integers of its data records mean
     |------ BootClock*             what its boots' milliseconds mean
     |------ UndatedBoot*            its boots of which none is known, and how much waits for it
     |------ PendingClock*           the records that wait
     |------ Quarantine*            records that could not be taken
     `------ RefusedTable*          tables that could not be taken, for the records that need them
    Alarm                           the portal itself fails: nothing is held against the boxes
    Device -- Series* -- Sample*, TextSample*, Latest

``at`` and other ``_ms`` are integers: Unix time in milliseconds, or milliseconds since boot where
the name says ``boot``. `Sample` and `TextSample` carry no database foreign keys: they are written
by COPY, ten thousand rows at a time.

Source: design section 5.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from cloud_link import limits
from portal.accounts.scoping import ScopedQuerySet
from portal.fleet.models import Box, Device


class Epoch(models.Model):
    """One life of a box's spool: sequence numbers are unique within it.

    Attributes:
        announced: For each lane (as text) the number up to which, excluded, the box last said that
            its spool has given out numbers.
        contested: Whether somebody else has sent numbers of it: more came than its spool gave out.
    """

    box = models.ForeignKey(Box, models.CASCADE, related_name="epochs")
    epoch = models.BinaryField(max_length=limits.EPOCH_SIZE)
    ordinal = models.BigIntegerField()
    announced = models.JSONField(default=dict)
    contested = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["box", "epoch"], name="epoch_once")
        ]

    def __str__(self) -> str:
        return f"{bytes(self.epoch).hex()} ({self.ordinal})"


class Receipt(models.Model):
    """Evidence that a record was received. Not partitioned: its key makes records count once.

    Attributes:
        hash: `cloud_link.records.content_hash`; another one under the same number is a conflict.
        rejected: Code of the quarantine it went to, ``""`` when it was stored.
        at: When, Unix milliseconds of the portal's clock.
    """

    pk = models.CompositePrimaryKey("epoch", "lane", "seq")
    epoch = models.ForeignKey(Epoch, models.CASCADE, db_index=False)
    lane = models.SmallIntegerField()
    seq = models.BigIntegerField()
    hash = models.BigIntegerField()
    rejected = models.CharField(max_length=16, default="")
    at = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], name="receipt_at")]

    def __str__(self) -> str:
        return f"{self.epoch_id}/{self.lane}/{self.seq}"


class Watermark(models.Model):
    """Every record of this lane up to ``seq`` was received, or announced as dropped."""

    epoch = models.ForeignKey(Epoch, models.CASCADE, related_name="watermarks")
    lane = models.SmallIntegerField()
    seq = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["epoch", "lane"], name="watermark_once")
        ]

    def __str__(self) -> str:
        return f"{self.epoch_id}/{self.lane} to {self.seq}"


class SeriesQuerySet(ScopedQuerySet["Series"]):
    """Series, by the organization of their device."""

    path = "device__gateway__site__organization"


class Series(models.Model):
    """One quantity (of one part, at one resolution) of one device over time.

    A sample's number is ``value * 10 ** resolution`` in the quantity's unit.
    """

    device = models.ForeignKey(Device, models.CASCADE, related_name="series")
    quantity = models.CharField(max_length=limits.QUANTITY_LENGTH)
    part = models.CharField(max_length=limits.PART_LENGTH, blank=True, default="")
    resolution = models.SmallIntegerField()

    objects = SeriesQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "series"
        ordering: ClassVar = ["device_id", "quantity", "part", "resolution"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["device", "quantity", "part", "resolution"], name="series_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.part}".rstrip()


class WireTable(models.Model):
    """A table as a box sent it, and what its columns became.

    Attributes:
        table_id: `cloud_link.records.table_id`.
        document: The table in MessagePack, as it travelled.
        series: For each column the series' id, or ``None`` where this portal's vocabulary lacks
            the quantity or the part: records that use such a column go to quarantine, whole.
        understood_by: `portal.ingest.vocabulary.fingerprint` of the portal that assigned the
            series; a later one assigns them anew where one is missing.
    """

    box = models.ForeignKey(Box, models.CASCADE, related_name="tables")
    table_id = models.BinaryField(max_length=limits.TABLE_ID_SIZE)
    document = models.BinaryField()
    series = models.JSONField()
    understood_by = models.CharField(max_length=16, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["box", "table_id"], name="wire_table_once")
        ]

    def __str__(self) -> str:
        return bytes(self.table_id).hex()


class BootClock(models.Model):
    """From ``since_boot_ms`` of this boot on, Unix time is boot time plus ``offset_ms``.

    Of a boot's clocks that hold at a moment the one with the highest ``order`` counts. Orders
    below zero are hints from `cloud_link.wire.Online`, which any clock record outranks, and below
    those is the estimate of `portal.ingest.undated`.

    Attributes:
        synchronised: Whether a time source vouched for it.
        estimated: Whether the portal made it up, because the box had no clock.
    """

    box = models.ForeignKey(Box, models.CASCADE, related_name="clocks")
    boot = models.BinaryField(max_length=limits.BOOT_SIZE)
    since_boot_ms = models.BigIntegerField()
    offset_ms = models.BigIntegerField()
    synchronised = models.BooleanField()
    estimated = models.BooleanField(default=False)
    order = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["box", "boot", "order"], name="boot_clock_once")
        ]

    def __str__(self) -> str:
        return f"{bytes(self.boot).hex()} + {self.offset_ms} ms"


class Sample(models.Model):
    """A number at a moment. ``value`` is NULL where ``quality`` says why there is none.

    Attributes:
        at: Unix milliseconds.
        quality: Position in `cloud_link.columns.QUALITIES`.
        clock: The clock that dated it, so that it can be dated anew.
    """

    pk = models.CompositePrimaryKey("series", "at")
    series = models.ForeignKey(Series, models.CASCADE, db_constraint=False, db_index=False)
    at = models.BigIntegerField()
    value = models.BigIntegerField(null=True)
    quality = models.SmallIntegerField()
    clock = models.ForeignKey(BootClock, models.CASCADE, db_constraint=False, db_index=False)

    def __str__(self) -> str:
        return f"{self.series_id}@{self.at}"


class TextSample(models.Model):
    """Words at a moment; otherwise as `Sample`."""

    pk = models.CompositePrimaryKey("series", "at")
    series = models.ForeignKey(Series, models.CASCADE, db_constraint=False, db_index=False)
    at = models.BigIntegerField()
    value = models.TextField(null=True)  # noqa: DJ001 - NULL is "none", "" is what it said
    quality = models.SmallIntegerField()
    clock = models.ForeignKey(BootClock, models.CASCADE, db_constraint=False, db_index=False)

    def __str__(self) -> str:
        return f"{self.series_id}@{self.at}"


class Latest(models.Model):
    """The newest sample of a series, numbers in ``value`` and words in ``text``."""

    series = models.OneToOneField(
        Series, models.CASCADE, primary_key=True, related_name="latest", db_constraint=False
    )
    at = models.BigIntegerField()
    value = models.BigIntegerField(null=True)
    text = models.TextField(null=True)  # noqa: DJ001 - NULL is "none", "" is what it said
    quality = models.SmallIntegerField()

    class Meta:
        verbose_name_plural = "latest"

    def __str__(self) -> str:
        return f"{self.series_id}@{self.at}"


class Quarantine(models.Model):
    """A record that was rejected, as it came; the box was told and may delete it.

    Attributes:
        code: One of `cloud_link.wire.RejectCode`.
        detail: What was wrong, in English.
        cause: What failures that are alike have in common (`portal.ingest.alarms.cause_of`); ``""``
            where the record is at fault by what it says.
        raw: The record's bytes.
        at: When, Unix milliseconds of the portal's clock.
        judged_by: `portal.ingest.vocabulary.fingerprint` of the portal that rejected it last.
    """

    epoch = models.ForeignKey(Epoch, models.CASCADE, related_name="quarantine")
    lane = models.SmallIntegerField()
    seq = models.BigIntegerField()
    boot = models.BinaryField(max_length=limits.BOOT_SIZE)
    code = models.CharField(max_length=16)
    detail = models.CharField(max_length=500)
    cause = models.CharField(max_length=200, default="")
    raw = models.BinaryField()
    at = models.BigIntegerField()
    judged_by = models.CharField(max_length=16, default="")

    class Meta:
        verbose_name_plural = "quarantine"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["epoch", "lane", "seq"], name="quarantine_once")
        ]
        indexes: ClassVar = [models.Index(fields=["judged_by", "id"], name="quarantine_judged")]

    def __str__(self) -> str:
        return f"{self.epoch_id}/{self.lane}/{self.seq}: {self.code}"


class RefusedTable(models.Model):
    """A table that could not be stored, so that its records are not asked for it for ever.

    Attributes:
        document: The table in MessagePack, as it travelled.
        detail: Why it could not be stored, in English.
    """

    box = models.ForeignKey(Box, models.CASCADE, related_name="refused_tables")
    table_id = models.BinaryField(max_length=limits.TABLE_ID_SIZE)
    document = models.BinaryField()
    detail = models.CharField(max_length=500)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["box", "table_id"], name="refused_table_once")
        ]

    def __str__(self) -> str:
        return bytes(self.table_id).hex()


class Failure(models.Model):
    """When a box's record failed last for a cause, whatever was decided about it.

    Attributes:
        at: Unix milliseconds of the portal's clock.
    """

    box = models.ForeignKey(Box, models.CASCADE, related_name="failures")
    cause = models.CharField(max_length=200)
    at = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cause", "box"], name="failure_once")
        ]

    def __str__(self) -> str:
        return f"{self.box_id}: {self.cause}"


class Alarm(models.Model):
    """The portal fails to store what it ought to, and answers nothing that fails for this cause.

    Attributes:
        cause: What the failures have in common.
        kind: The kind of record (`portal.ingest.kinds.KINDS`).
        detail: The error, in English.
        began_at: Unix milliseconds, as the others.
        failed_at: When a record failed last.
        ended_at: NULL while it is open.
        held: [[epoch id, lane, seq], ...] of some records that were left unanswered; empty where
            the canary failed.
    """

    cause = models.CharField(max_length=200)
    kind = models.CharField(max_length=16)
    detail = models.CharField(max_length=500)
    began_at = models.BigIntegerField()
    failed_at = models.BigIntegerField()
    ended_at = models.BigIntegerField(null=True)
    held = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["cause"], condition=models.Q(ended_at=None), name="alarm_open_once"
            )
        ]

    def __str__(self) -> str:
        return self.cause


class Gap(models.Model):
    """Records that a box accepted and then dropped, as it said.

    Attributes:
        box: Who dropped them.
        epoch: Whose numbers ``ranges`` are.
        ranges: [[first, last], ...] of the sequence numbers dropped, without those that were
            received all the same, before or since; ascending, and ``[]`` where they are unknown.
        first_seq, last_seq: The least and the greatest of them, to find it by.
        believed: Whether its epoch is known to have given out the first of these numbers; one that
            names numbers never given out is kept, and says nothing yet.
        first_boot, first_boot_ms: The oldest reading dropped; ``last_...`` the newest.
        from_ms, to_ms: The same in Unix milliseconds; NULL while those boots' clocks are unknown.
        reason: ``cap``, ``disk``, ``damaged``, or ``portal`` for what this portal had acknowledged
            and lost, and the box no longer has.
    """

    box = models.ForeignKey(Box, models.CASCADE, related_name="gaps")
    epoch = models.ForeignKey(Epoch, models.CASCADE, related_name="gaps")
    lane = models.SmallIntegerField()
    ranges = models.JSONField()
    first_seq = models.BigIntegerField(default=0)
    last_seq = models.BigIntegerField(default=-1)
    believed = models.BooleanField(default=True)
    records = models.BigIntegerField()
    readings = models.BigIntegerField()
    first_boot = models.BinaryField(max_length=limits.BOOT_SIZE)
    first_boot_ms = models.BigIntegerField()
    last_boot = models.BinaryField(max_length=limits.BOOT_SIZE)
    last_boot_ms = models.BigIntegerField()
    from_ms = models.BigIntegerField(null=True)
    to_ms = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=16)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["box", "from_ms"], name="gap_from"),
            models.Index(fields=["epoch", "lane", "last_seq"], name="gap_last"),
        ]

    def __str__(self) -> str:
        return f"{self.records} records of lane {self.lane}: {self.reason}"


class UndatedBoot(models.Model):
    """A boot whose clock is not known from its beginning on; deleted once it is.

    Attributes:
        ordinal: The greatest one of the epochs in which its records came.
        records: How many data records wait for the clock, and how many ``readings`` are in them.
        first_ms, last_ms: The first and the last moment heard of, milliseconds since boot.
        receipt_offset_ms: The least difference between a receipt and the last moment in it.
        heard_ms: When the last record was received, Unix milliseconds of the portal's clock.
        ended_ms: The same time, when the portal first knew that the boot was over; NULL until then.
        estimate: The estimated clock, ``estimated_last_ms`` what ``last_ms`` was when it was made.
        settled: Whether nothing waits and the estimate is as good as it gets.
    """

    box = models.ForeignKey(Box, models.CASCADE, related_name="undated_boots")
    boot = models.BinaryField(max_length=8)
    ordinal = models.BigIntegerField(default=-1)
    records = models.BigIntegerField(default=0)
    readings = models.BigIntegerField(default=0)
    first_ms = models.BigIntegerField()
    last_ms = models.BigIntegerField()
    receipt_offset_ms = models.BigIntegerField()
    heard_ms = models.BigIntegerField()
    ended_ms = models.BigIntegerField(null=True)
    estimate = models.OneToOneField(BootClock, models.SET_NULL, null=True, related_name="+")
    estimated_last_ms = models.BigIntegerField(null=True)
    settled = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["box", "boot"], name="undated_boot_once")
        ]
        indexes: ClassVar = [models.Index(fields=["settled", "box"], name="undated_boot_open")]

    def __str__(self) -> str:
        return f"{bytes(self.boot).hex()}: {self.readings} readings"


class Hole(models.Model):
    """Records of an epoch and lane that the box was told are stored, and that are not here.

    The box was asked for them. The row goes when they are here, or a gap names them.

    Attributes:
        epoch: The name of the epoch, which need not be known here.
        records: How many.
        since_ms: When it was found, Unix milliseconds of the portal's clock.
    """

    box = models.ForeignKey(Box, models.CASCADE, related_name="holes")
    epoch = models.BinaryField(max_length=8)
    lane = models.SmallIntegerField()
    records = models.BigIntegerField()
    since_ms = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["box", "epoch", "lane"], name="hole_once")
        ]

    def __str__(self) -> str:
        return f"{self.records} records of lane {self.lane}"


class PendingClock(models.Model):
    """A data record that is stored and acknowledged, and waits for its boot's clock.

    Attributes:
        readings: How many readings are in it.
    """

    epoch = models.ForeignKey(Epoch, models.CASCADE, related_name="pending")
    lane = models.SmallIntegerField()
    seq = models.BigIntegerField()
    boot = models.BinaryField(max_length=limits.BOOT_SIZE)
    readings = models.IntegerField(default=0)
    raw = models.BinaryField()

    class Meta:
        verbose_name_plural = "pending clock"
        indexes: ClassVar = [models.Index(fields=["epoch", "boot"], name="pending_boot")]

    def __str__(self) -> str:
        return f"{self.epoch_id}/{self.lane}/{self.seq}"
