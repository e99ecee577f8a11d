"""Series, what tables make of them, and their samples.

`Sample` and `TextSample` carry no database foreign keys: they are written by COPY, ten thousand
rows at a time.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from cloud_link import limits
from portal.accounts.scoping import ScopedQuerySet
from portal.fleet.models import UNHEARD, Box, Device
from portal.ingest.models.clocks import BootClock


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
            series; a later one assigns them again where one is missing.
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


class Sample(models.Model):
    """A number at a moment. ``value`` is NULL where ``quality`` says why there is none.

    Attributes:
        at: Unix milliseconds.
        quality: Position in `cloud_link.columns.QUALITIES`.
        clock: The clock that dated it, so that it can be dated again.
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
    """The sample of a series that was taken last, numbers in ``value`` and words in ``text``.

    Which one that is does not depend on any date, so that a clock which is wrong, ahead or back,
    hides nothing: a sample of the box that speaks for its gateway, in its latest boot, and there
    with the latest time since boot. One exception heals within an epoch what was forged or
    mistaken: a sample that was taken after the shown one had been received is the later one,
    whatever time since boot the shown one has.

    Attributes:
        at: As its clock dates it, Unix milliseconds.
        clock: The clock that dated it, as of `Sample`.
        speaker: The id of the box that took it.
        rank: `portal.ingest.messages.order` of the ordinal of its epoch and its time since boot.
        received_ms: When it was received, Unix milliseconds of the portal's clock; 0 where an older
            portal received it.
    """

    series = models.OneToOneField(
        Series, models.CASCADE, primary_key=True, related_name="latest", db_constraint=False
    )
    at = models.BigIntegerField()
    value = models.BigIntegerField(null=True)
    text = models.TextField(null=True)  # noqa: DJ001 - NULL is "none", "" is what it said
    quality = models.SmallIntegerField()
    clock = models.ForeignKey(
        BootClock, models.DO_NOTHING, null=True, db_constraint=False, db_index=False
    )
    speaker = models.BigIntegerField(default=0, db_default=0)
    rank = models.BigIntegerField(default=UNHEARD, db_default=UNHEARD)
    received_ms = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name_plural = "latest"

    def __str__(self) -> str:
        return f"{self.series_id}@{self.at}"
