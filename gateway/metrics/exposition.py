"""Samples as Prometheus reads them, written by its own client library."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from gateway.metrics.samples import Sample
from gateway.metrics.table import METRICS

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_KINDS: Final = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}


class _FixedCollector(Collector):
    """Collects the families that it was made with, as a registry requires a collector."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[Metric]:
        """Return the families."""
        return self._families


def exposition(samples: Iterable[Sample]) -> bytes:
    """Format samples in the order of the table; raises `KeyError` for a name that is not in it."""
    by_name: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_name[sample.name].append(sample)
    unknown = by_name.keys() - {metric.name for metric in METRICS}
    if unknown:
        raise KeyError(f"not in the table: {sorted(unknown)}")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_FixedCollector(_families(by_name)))
    return generate_latest(registry)


def _families(by_name: dict[str, list[Sample]]) -> Iterator[Metric]:
    for metric in METRICS:
        found = by_name.get(metric.name)
        if not found:
            continue
        family = _KINDS[metric.kind](metric.name, metric.meaning, labels=metric.labels)
        for sample in found:
            family.add_metric(sample.labels, float(sample.value))
        yield family
