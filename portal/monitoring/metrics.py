"""The fleet, the quarantine and the certificates as gauges for Prometheus.

A few aggregates, never a row a device.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from django.core.cache import cache
from django.db.models import Count, Max, Q

from drivers.report import Severity
from portal.authority.models import IssuedCertificate, RevocationList
from portal.fleet.heartbeat import heartbeats_of, is_connected
from portal.fleet.models import DeviceCondition, Gateway
from portal.ingest.fleet_ledger import fleet_ledger
from portal.ingest.models import Alarm, Quarantine, UndatedBoot, UndatedDevice
from portal.metrics import table
from portal.notifications.counts import outbox_counts
from portal.web.sums import ExactSum

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from portal.metrics.table import Metric, Samples

_LEDGER = "monitoring.ledger"
_LEDGER_S = 300
_PURPOSES = {"boxes": "box", "workers": "worker", "publisher": "publisher"}
"""Of the certificates whose purpose follows from their root."""


def database_gauges(now: datetime) -> Iterator[tuple[Metric, Samples]]:
    """The gauges of the portal that are read from its database, a few aggregates each."""
    yield table.GATEWAYS, _gateways(now)
    open_ = Counter(
        dict(
            DeviceCondition.objects.open()
            .order_by()
            .values_list("severity")
            .annotate(count=Count("pk"))
        )
    )
    yield table.CONDITIONS, [((one.value,), open_[one.value]) for one in Severity]
    codes = Quarantine.objects.values_list("code").annotate(count=Count("pk"))
    kept: Samples = [((code,), count) for code, count in codes]
    yield table.QUARANTINE, kept
    yield table.ALARMS, [((), Alarm.objects.filter(ended_at=None).count())]
    yield table.LEDGER, _ledger()
    waiting = UndatedBoot.objects.aggregate(readings=ExactSum("readings"))["readings"]
    yield table.UNDATED, [((), waiting or 0)]
    devices = UndatedDevice.objects.filter(readings__gt=0).values("device").distinct().count()
    yield table.UNDATED_DEVICES, [((), devices)]
    mails = outbox_counts(now)
    yield table.MAIL_WAITING, [((), mails.waiting)]
    yield table.MAIL_OLDEST_DUE, [((), mails.oldest_due_s)]
    undelivered: Samples = [(("refused",), mails.refused), (("expired",), mails.expired)]
    yield table.MAIL_UNDELIVERED, undelivered
    yield table.CERTIFICATES, _certificates(now)
    lists = RevocationList.objects.order_by().values_list("root").annotate(ends=Max("expires_at"))
    ends: Samples = [((root,), (at - now).total_seconds()) for root, at in lists]
    yield table.LISTS, ends


def _ledger() -> Samples:
    """The fleet's ledger, which reads every receipt that is not compacted: once in five minutes."""
    counts = cache.get(_LEDGER)
    if counts is None:
        counts = asdict(fleet_ledger())
        cache.set(_LEDGER, counts, timeout=_LEDGER_S)
    return [((state,), count) for state, count in counts.items()]


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
