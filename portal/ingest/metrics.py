"""What an ingest worker counts, for Prometheus."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from portal.metrics import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.ingest.inbox import Turn
    from portal.ingest.store import IngestResult
    from portal.metrics.table import Metric

disable_created_metrics()  # type: ignore[no-untyped-call] # the library's; a series more for each


class IngestMetrics:
    """The counters of one worker.

    Attributes:
        registry: Holds these metrics and no others.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._now = now
        self._counters = {
            metric: Counter(metric.name, metric.meaning, metric.labels, registry=self.registry)
            for metric in table.INGEST
            if metric.kind == "counter"
        }
        self._commit = self._histogram(table.COMMIT)
        self._age = self._histogram(table.AGE)

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(
            metric.name, metric.meaning, buckets=metric.buckets, registry=self.registry
        )

    def count(self, result: IngestResult, messages: int, seconds: float) -> None:
        """See `portal.ingest.worker.OutcomeListener`."""
        tally, counters = result.tally, self._counters
        counters[table.BATCHES].inc()
        counters[table.MESSAGES].inc(messages)
        counters[table.UNUSABLE].inc(sum(count for count, _ in result.unusable.values()))
        counters[table.REPEATED].inc(tally.repeated)
        counters[table.TABLES_ASKED].inc(tally.without_table)
        counters[table.HELD].inc(tally.held)
        counters[table.READINGS].inc(tally.readings)
        counters[table.ANSWERS].inc(len(result.answers))
        for lane, count in tally.received.items():
            counters[table.RECEIPTS].labels(lane).inc(count)
        for code, count in tally.quarantined.items():
            counters[table.QUARANTINED].labels(code).inc(count)
        self._commit.observe(seconds)
        now = self._now()
        for moment in tally.moments:
            self._age.observe(max(0.0, now - moment / 1000))

    def count_turn(self, turn: Turn) -> None:
        """Count the messages that were over a budget."""
        for resource, count in turn.dropped.items():
            self._counters[table.THROTTLED].labels(resource.value).inc(count)
