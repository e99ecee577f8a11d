"""What the milliseconds since boot of a box mean, and what waits until that is known."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from cloud_link import limits
from portal.fleet.models import Box, Device
from portal.ingest.models.receipts import Epoch


class BootClock(models.Model):
    """From ``since_boot_ms`` of this boot on, Unix time is boot time plus ``offset_ms``.

    Of a boot's clocks that hold at a moment the one with the highest ``order`` counts. Orders
    below zero are hints from `cloud_link.wire.Online`, which any clock record outranks, and below
    those is the estimate of `portal.ingest.undated`.

    Attributes:
        synchronised: Whether a time source vouched for it.
        estimated: Whether the portal made it up, because the box had no clock.
        last_ms: The last moment that it is known to hold at, milliseconds since boot, at most a
            minute too early; NULL where no record of such a moment came yet.
    """

    box = models.ForeignKey(Box, models.CASCADE, related_name="clocks")
    boot = models.BinaryField(max_length=limits.BOOT_SIZE)
    since_boot_ms = models.BigIntegerField()
    offset_ms = models.BigIntegerField()
    synchronised = models.BooleanField()
    estimated = models.BooleanField(default=False)
    last_ms = models.BigIntegerField(null=True)
    order = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["box", "boot", "order"], name="boot_clock_once")
        ]

    def __str__(self) -> str:
        return f"{bytes(self.boot).hex()} + {self.offset_ms} ms"


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
        least_offset_ms: What the clock's offset is at least, because an earlier boot had ended by
            then; NULL where nothing is known of one.
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
    least_offset_ms = models.BigIntegerField(null=True)
    settled = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["box", "boot"], name="undated_boot_once")
        ]
        indexes: ClassVar = [models.Index(fields=["settled", "box"], name="undated_boot_open")]

    def __str__(self) -> str:
        return f"{bytes(self.boot).hex()}: {self.readings} readings"


class UndatedDevice(models.Model):
    """How many readings of a device wait for the clock of a boot; deleted once none does."""

    boot = models.ForeignKey(UndatedBoot, models.CASCADE, related_name="devices")
    device = models.ForeignKey(Device, models.CASCADE, related_name="undated")
    readings = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["boot", "device"], name="undated_device_once")
        ]

    def __str__(self) -> str:
        return f"{self.device_id}: {self.readings} readings"


class Redating(models.Model):
    """A correction of a clock, as far as samples are still to be moved by it.

    The clocks are named by id, because an estimated one is deleted once another dates its boot.

    Attributes:
        old_clock: The clock whose samples move, and ``fresh_clock`` the one that dates them then.
        start_ms, end_ms: Which of them move: from and before these times, as the old clock says.
        delta_ms: How far they move.
        series: The id of the series from which on there may be some left.
        passed_ms: How far that one is done, from its end that moves first; NULL: not begun.
    """

    box = models.ForeignKey(Box, models.CASCADE, related_name="redatings")
    old_clock = models.BigIntegerField()
    fresh_clock = models.BigIntegerField()
    start_ms = models.BigIntegerField()
    end_ms = models.BigIntegerField()
    delta_ms = models.BigIntegerField()
    series = models.BigIntegerField(default=0)
    passed_ms = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.old_clock} -> {self.fresh_clock}: {self.delta_ms} ms"


class PendingClock(models.Model):
    """A data record that is stored and acknowledged, and waits for its boot's clock.

    Attributes:
        device: The one that its readings are of.
        readings: How many readings are in it.
        received_ms: When it was received, Unix milliseconds of the portal's clock; 0 where an older
            portal received it.
    """

    epoch = models.ForeignKey(Epoch, models.CASCADE, related_name="pending")
    lane = models.SmallIntegerField()
    seq = models.BigIntegerField()
    boot = models.BinaryField(max_length=limits.BOOT_SIZE)
    device = models.ForeignKey(
        Device, models.SET_NULL, null=True, related_name="+", db_index=False, db_constraint=False
    )
    readings = models.IntegerField(default=0)
    received_ms = models.BigIntegerField(default=0, db_default=0)
    raw = models.BinaryField()

    class Meta:
        verbose_name_plural = "pending clock"
        indexes: ClassVar = [models.Index(fields=["epoch", "boot"], name="pending_boot")]

    def __str__(self) -> str:
        return f"{self.epoch_id}/{self.lane}/{self.seq}"
