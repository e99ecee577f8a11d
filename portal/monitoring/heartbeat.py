"""How long a gateway's word stands: heartbeat and health period of what it runs.

Both come from the configuration that the gateway said it runs; before it has, the defaults of
`config.model` count.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from django.db.models import Min, OuterRef, Subquery

from portal.fleet.models import Gateway, RunningConfiguration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

DEFAULT_HEARTBEAT_S: Final = 300
DEFAULT_HEALTH_S: Final = 60
_HEALTH_REPORTS_MISSED: Final = 2.5


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between unchanged values, and between the gateway's reports about itself."""

    heartbeat_s: int = DEFAULT_HEARTBEAT_S
    health_s: int = DEFAULT_HEALTH_S

    @property
    def hold_ms(self) -> int:
        """How long a sample stands: 1.5 heartbeats."""
        return self.heartbeat_s * 1500

    @property
    def silence_ms(self) -> int:
        """After how long without a word a gateway counts as not connected."""
        return int(self.health_s * 1000 * _HEALTH_REPORTS_MISSED)


def paces(gateways: Iterable[int]) -> dict[int, Pace]:
    """The pace of each gateway (by id); one query, and one more for documents not seen before."""
    running = running_digests(gateways)
    known = _PACES(digest for digest in running.values() if digest is not None)
    return {pk: Pace() if digest is None else known[digest] for pk, digest in running.items()}


def running_digests(gateways: Iterable[int]) -> dict[int, str | None]:
    """Which configuration each gateway (by id) runs; one query."""
    running = RunningConfiguration.objects.filter(gateway=OuterRef("pk"))
    newest = running.order_by("-speaker", "-order")
    return dict(
        Gateway.objects.filter(pk__in=list(gateways))
        .annotate(running=Subquery(newest.values("digest")[:1]))
        .values_list("pk", "running")
    )


class ReadOnce(Generic[T]):
    """What is read in configurations, by their digest; the newest ``most`` are remembered.

    The ingest checks the digest: whichever row holds it, the document is the same.
    """

    def __init__(self, read: Callable[[str], T], most: int = 4096) -> None:
        self._read = read
        self._most = most
        self._kept: dict[str, T] = {}

    def __call__(self, digests: Iterable[str]) -> dict[str, T]:
        """Of each digest; one query for all that are not remembered."""
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


def pace_in(document: str) -> Pace:
    """The pace a configuration document sets; defaults for what it does not say."""
    try:
        section = json.loads(document).get("gateway", {})
        return Pace(
            int(section.get("heartbeat_s", DEFAULT_HEARTBEAT_S)),
            int(section.get("health_s", DEFAULT_HEALTH_S)),
        )
    except (ValueError, TypeError, AttributeError):
        return Pace()


_PACES: Final = ReadOnce(pace_in)
