"""What a box dropped, and what this portal lost."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from cloud_link import limits
from portal.fleet.models import Box
from portal.ingest.models.receipts import Epoch


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
        reason: ``cap``, ``disk``, ``damaged``, ``invalid``, or ``portal`` for what this portal had
            acknowledged and lost, and the box no longer has.
        carrier_epoch, carrier_seq: The number, in lane ``GAP``, of the record that announced it;
            NULL where it is not known.
        disputed: Whether the box, by its newest ``online`` message, did not announce it in that
            record: what it names is asked for all the same (`portal.ingest.gaps`).
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
    carrier_epoch = models.ForeignKey(Epoch, models.SET_NULL, null=True, related_name="+")
    carrier_seq = models.BigIntegerField(null=True)
    disputed = models.BooleanField(default=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["box", "from_ms"], name="gap_from"),
            models.Index(fields=["epoch", "lane", "last_seq", "first_seq"], name="gap_span"),
        ]

    def __str__(self) -> str:
        return f"{self.records} records of lane {self.lane}: {self.reason}"


class Renumbering(models.Model):
    """Numbers whose records their box sent again under others, as it said.

    Attributes:
        ranges: [[first, last], ...] of the numbers that count as no records, whether they were
            received or a gap names them.
        carrier_epoch, carrier_seq, disputed: As those of `Gap`.
    """

    epoch = models.ForeignKey(Epoch, models.CASCADE, related_name="renumberings")
    lane = models.SmallIntegerField()
    ranges = models.JSONField()
    carrier_epoch = models.ForeignKey(Epoch, models.SET_NULL, null=True, related_name="+")
    carrier_seq = models.BigIntegerField(null=True)
    disputed = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.epoch_id}/{self.lane}: {self.ranges}"


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
