"""What the pages' process shows: its own requests, and the fleet as the database has it."""

from __future__ import annotations

import os
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from django.db import DatabaseError, transaction
from django.db.models import Count, Max, Q
from django.utils import timezone
from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from drivers.report import Severity
from portal.authority.models import IssuedCertificate, RevocationList
from portal.fleet.heartbeat import heartbeats_of, is_connected
from portal.fleet.models import DeviceCondition, Gateway
from portal.ingest.models import Quarantine
from portal.metrics import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from portal.metrics.table import Metric

disable_created_metrics()  # type: ignore[no-untyped-call] # the library's; a series more for each
Samples = list[tuple[tuple[str, ...], float]]

_PURPOSES = {"boxes": "box", "workers": "worker", "publisher": "publisher"}
"""Of the certificates whose purpose follows from their root."""


@cache
def _own() -> CollectorRegistry:
    return CollectorRegistry(auto_describe=True)


@cache
def requests() -> Histogram:
    """The times of this process's requests; made once."""
    metric = table.REQUESTS
    return Histogram(
        metric.name, metric.meaning, metric.labels, buckets=metric.buckets, registry=_own()
    )


def page() -> bytes:
    """The whole page in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library's
    else:
        requests()
        registry.register(_own())
    registry.register(_Fleet())
    return generate_latest(registry)


class _Fleet(Collector):
    """Asks the database when it is read: a few aggregates, never a row a device."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Every family that there is; only that it is away, when it is."""
        try:
            with transaction.atomic():
                found = list(_families(timezone.now()))
        except DatabaseError:
            return [_family(table.DATABASE_UP, [((), 0)])]
        return [_family(table.DATABASE_UP, [((), 1)]), *found]


def _family(metric: Metric, samples: Samples) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _families(now: datetime) -> Iterator[GaugeMetricFamily]:
    yield _family(table.GATEWAYS, _gateways(now))
    open_ = Counter(
        dict(
            DeviceCondition.objects.open()
            .order_by()
            .values_list("severity")
            .annotate(count=Count("pk"))
        )
    )
    yield _family(table.CONDITIONS, [((one.value,), open_[one.value]) for one in Severity])
    codes = Quarantine.objects.values_list("code").annotate(count=Count("pk"))
    kept: Samples = [((code,), count) for code, count in codes]
    yield _family(table.QUARANTINE, kept)
    yield _family(table.CERTIFICATES, _certificates(now))
    lists = RevocationList.objects.order_by().values_list("root").annotate(ends=Max("expires_at"))
    ends: Samples = [((root,), (at - now).total_seconds()) for root, at in lists]
    yield _family(table.LISTS, ends)


def _gateways(now: datetime) -> Samples:
    gateways = list(Gateway.objects.prefetch_related("boxes"))
    heartbeats = heartbeats_of(gateway.pk for gateway in gateways)
    counts: Counter[str] = Counter()
    for gateway in gateways:
        boxes = gateway.boxes.all()
        if is_connected(boxes, heartbeats[gateway.pk], now):
            counts["connected"] += 1
        else:
            heard = any(box.last_heard_at is not None for box in boxes)
            counts["silent" if heard else "waiting"] += 1
    return [((name,), counts[name]) for name in ("connected", "silent", "waiting")]


def _certificates(now: datetime) -> Samples:
    """Of each subject the newest counts: an older one was replaced by it."""
    newest = (
        IssuedCertificate.objects.filter(Q(revoked_at=None), Q(replaced_by=None))
        .order_by()
        .values("root", "purpose", "subject")
        .annotate(ends=Max("expires_at"))
    )
    soonest: dict[tuple[str, ...], float] = {}
    for one in newest:
        key = (one["root"], one["purpose"] or _PURPOSES[one["root"]])
        left = (one["ends"] - now).total_seconds()
        soonest[key] = min(left, soonest.get(key, left))
    return list(soonest.items())
