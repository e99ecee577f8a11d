"""What could not be stored, and what that says of the record or of the portal."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from cloud_link import limits
from portal.fleet.models import Box
from portal.ingest.models.receipts import Epoch


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
    """A table that could not be stored, so that its records do not ask for it again and again.

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
    """The portal fails to store valid records, and answers nothing that fails for this cause.

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
