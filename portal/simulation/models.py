"""Which samples were never measured."""

from __future__ import annotations

from django.db import models

from portal.accounts.scoping import ScopedQuerySet
from portal.fleet.models import Gateway


class SimulatedHistoryQuerySet(ScopedQuerySet["SimulatedHistory"]):
    """Simulated histories, by organization."""

    path = "gateway__site__organization"


class SimulatedHistory(models.Model):
    """All samples of a gateway's devices in this span were made up; pages say so.

    Attributes:
        first_ms, last_ms: Unix milliseconds of the first and the last of these samples.
    """

    gateway = models.OneToOneField(Gateway, models.CASCADE, related_name="simulated_history")
    first_ms = models.BigIntegerField()
    last_ms = models.BigIntegerField()

    objects = SimulatedHistoryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "simulated histories"

    def __str__(self) -> str:
        return f"{self.gateway_id}: {self.first_ms} to {self.last_ms} ms"
