"""How long a gateway's word stands: heartbeat and health period of what it runs.

Both come from the configuration that the gateway said it runs; before it has, the defaults of
`config.model` count.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from django.db.models import OuterRef, Subquery

from portal.fleet.models import Gateway, RunningConfiguration

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    return {
        pk: Pace() if digest is None else _pace_of(digest)
        for pk, digest in running_digests(gateways).items()
    }


def running_digests(gateways: Iterable[int]) -> dict[int, str | None]:
    """Which configuration each gateway (by id) runs; one query."""
    running = RunningConfiguration.objects.filter(gateway=OuterRef("pk"))
    newest = running.order_by("-speaker", "-order")
    return dict(
        Gateway.objects.filter(pk__in=list(gateways))
        .annotate(running=Subquery(newest.values("digest")[:1]))
        .values_list("pk", "running")
    )


def document_of(digest: str) -> str:
    """A configuration's text. The ingest checks the digest: whichever row holds it is the same."""
    documents = RunningConfiguration.objects.filter(digest=digest)
    return documents.values_list("document", flat=True)[:1].get()


@lru_cache(maxsize=4096)
def _pace_of(digest: str) -> Pace:
    return pace_in(document_of(digest))


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
