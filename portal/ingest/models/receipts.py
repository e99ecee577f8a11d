"""What was received: epochs, the receipts of their records, and watermarks."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from cloud_link import limits
from portal.fleet.models import Box


class Epoch(models.Model):
    """One life of a box's spool: sequence numbers are unique within it.

    Attributes:
        announced: For each lane (as text) the number up to which, excluded, the box last said that
            its spool has given out numbers.
        contested: Whether another sender has used numbers of it: more came than its spool gave out.
        heard: Whether a record of it came.
        closed: Whether the box said that it does not know it, and what was missing then is named by
            gaps.
    """

    box = models.ForeignKey(Box, models.CASCADE, related_name="epochs")
    epoch = models.BinaryField(max_length=limits.EPOCH_SIZE)
    ordinal = models.BigIntegerField()
    announced = models.JSONField(default=dict)
    contested = models.BooleanField(default=False)
    heard = models.BooleanField(default=False)
    closed = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["box", "epoch"], name="epoch_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["box", "heard", "closed", "ordinal"], name="epoch_state")
        ]

    def __str__(self) -> str:
        return f"{bytes(self.epoch).hex()} ({self.ordinal})"


class Receipt(models.Model):
    """Evidence that a record was received. Not partitioned: its key makes records count once.

    Attributes:
        hash: `cloud_link.records.content_hash`; another one under the same number is a conflict.
        rejected: Code of the quarantine it went to, ``""`` when it was stored.
        at: When, Unix milliseconds of the portal's clock.
        contested: Whether another record came under the same number.
    """

    pk = models.CompositePrimaryKey("epoch", "lane", "seq")
    epoch = models.ForeignKey(Epoch, models.CASCADE, db_index=False)
    lane = models.SmallIntegerField()
    seq = models.BigIntegerField()
    hash = models.BigIntegerField()
    rejected = models.CharField(max_length=16, default="")
    at = models.BigIntegerField()
    contested = models.BooleanField(default=False, db_default=False)

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
