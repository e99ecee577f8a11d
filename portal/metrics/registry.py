"""The metrics of a process that serves pages."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Protocol

from django.db import DatabaseError, transaction
from django.utils import timezone
from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from portal.metrics import table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from portal.metrics.table import Metric, Samples

disable_created_metrics()  # type: ignore[no-untyped-call] # the library's; a series more for each


class Source(Protocol):
    """Gauges that are read from the database whenever the metrics are read."""

    def __call__(self, now: datetime) -> Iterable[tuple[Metric, Samples]]:
        """Every gauge with its samples at ``now``."""


@cache
def _own() -> CollectorRegistry:
    return CollectorRegistry(auto_describe=True)


@cache
def request_times() -> Histogram:
    """The times of this process's requests; made once."""
    metric = table.REQUESTS
    return Histogram(
        metric.name, metric.meaning, metric.labels, buckets=metric.buckets, registry=_own()
    )


def registry(source: Source) -> CollectorRegistry:
    """The requests' times of every process that serves pages, and what ``source`` reads."""
    whole = CollectorRegistry(support_collectors_without_names=True)
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(whole)  # type: ignore[no-untyped-call] # the library's
    else:
        request_times()
        whole.register(_own())
    whole.register(_Database(source))
    return whole


class _Database(Collector):
    """What a source reads, and whether the database answered."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Every gauge of the source; without the database only that it does not answer."""
        try:
            with transaction.atomic():
                found = [_family(*gauge) for gauge in self._source(timezone.now())]
        except DatabaseError:
            return [_family(table.DATABASE_UP, [((), 0)])]
        return [_family(table.DATABASE_UP, [((), 1)]), *found]


def _family(metric: Metric, samples: Samples) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
