"""How long a gateway's values stand, and when it counts as not connected.

Both follow from the heartbeat and the health period in the configuration that the gateway reported
as running. Until it has reported one, the defaults of `config.model` apply.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from django.db.models import Min, OuterRef, Subquery

from portal.fleet.models import Box, Gateway, RunningConfiguration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

T = TypeVar("T")

DEFAULT_HEARTBEAT_S: Final = 300
DEFAULT_HEALTH_S: Final = 60
_HEALTH_REPORTS_MISSED: Final = 2.5
_HEARTBEAT_S: Final = range(1, 86_401)
_HEALTH_S: Final = range(1, 3_601)
"""The periods that `config.model` accepts, and shorter ones."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The periods of what a gateway sends unasked.

    Attributes:
        heartbeat_s: Seconds after which an unchanged value is sent again.
        health_s: Seconds between the gateway's reports about itself.
    """

    heartbeat_s: int = DEFAULT_HEARTBEAT_S
    health_s: int = DEFAULT_HEALTH_S

    @property
    def hold_ms(self) -> int:
        """Milliseconds that a sample stands: 1.5 heartbeats."""
        return self.heartbeat_s * 1500

    @property
    def silence_ms(self) -> int:
        """Milliseconds without a message after which a gateway counts as not connected."""
        return int(self.health_s * 1000 * _HEALTH_REPORTS_MISSED)


def heartbeats_of(gateways: Iterable[int]) -> dict[int, Heartbeat]:
    """The heartbeat of each gateway, by its id.

    One query, and one more for configurations that were not read before.
    """
    running = running_digests(gateways)
    known = _HEARTBEATS(digest for digest in running.values() if digest is not None)
    return {pk: Heartbeat() if digest is None else known[digest] for pk, digest in running.items()}


def is_connected(boxes: Iterable[Box], heartbeat: Heartbeat, now: datetime) -> bool:
    """Whether one of a gateway's boxes is alive and was heard within the silence limit.

    What the broker says (``alive``) is not enough: a will can be lost, and a link can hang open.
    """
    return any(
        box.alive
        and box.last_heard_at is not None
        and (now - box.last_heard_at).total_seconds() * 1000 <= heartbeat.silence_ms
        for box in boxes
    )


def running_digests(gateways: Iterable[int]) -> dict[int, str | None]:
    """The digest of the configuration that each gateway, by its id, runs; one query."""
    running = RunningConfiguration.objects.filter(gateway=OuterRef("pk"))
    newest = running.order_by("-speaker", "-order")
    return dict(
        Gateway.objects.filter(pk__in=list(gateways))
        .annotate(running=Subquery(newest.values("digest")[:1]))
        .values_list("pk", "running")
    )


class ConfigurationCache(Generic[T]):
    """Results of ``read`` on configuration documents, by digest; it keeps the newest ``most``.

    The ingest checks the digest: whichever row holds it, the document is the same.
    """

    def __init__(self, read: Callable[[str], T], most: int = 4096) -> None:
        self._read = read
        self._most = most
        self._kept: dict[str, T] = {}

    def __call__(self, digests: Iterable[str]) -> dict[str, T]:
        """The result for each digest; one query for all that are not kept."""
        wanted, kept = set(digests), self._kept
        found = {digest: kept[digest] for digest in wanted if digest in kept}
        if missing := wanted - found.keys():
            rows = RunningConfiguration.objects.filter(digest__in=missing)
            one_each = rows.values("digest").annotate(one=Min("pk")).order_by().values("one")
            documents = RunningConfiguration.objects.filter(pk__in=one_each)
            for digest, document in documents.values_list("digest", "document"):
                found[digest] = self._read(document)
            # Put in place whole: other threads may be reading it.
            newest = {**kept, **{digest: found[digest] for digest in missing}}
            self._kept = dict(list(newest.items())[-self._most :])
        return found


def heartbeat_in(document: str) -> Heartbeat:
    """The heartbeat that a configuration document sets, with defaults for what it leaves out.

    A period that no gateway accepts counts as left out, whatever a box reports.
    """
    try:
        section = json.loads(document).get("gateway", {})
        return Heartbeat(
            _seconds(section.get("heartbeat_s"), _HEARTBEAT_S, DEFAULT_HEARTBEAT_S),
            _seconds(section.get("health_s"), _HEALTH_S, DEFAULT_HEALTH_S),
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        return Heartbeat()


def _seconds(said: object, possible: range, default: int) -> int:
    return said if isinstance(said, int) and said in possible else default


_HEARTBEATS: Final = ConfigurationCache(heartbeat_in)
