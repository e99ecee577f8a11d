"""The documented set of metrics, as tables, from the tables in the code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from gateway.metrics.table import METRICS
from portal.metrics.table import INGEST, WEB

HEAD: Final = """\
# Metrics

What Prometheus can read, written by `scripts/docs` from the tables in the code;
[how to turn it on](../how-to/watch-with-prometheus.md). A value that is not known has no sample;
it is never 0. Labels are bounded: names of devices and lines come from the configuration,
everything else from closed vocabularies.

## Gateway

Counters begin at 0 with the daemon, unless it says otherwise.

"""


class MetricRow(Protocol):
    """A row of one of the tables."""

    @property
    def name(self) -> str:
        """The name of a metric in the exposition."""

    @property
    def kind(self) -> str:
        """Counter, gauge or histogram."""

    @property
    def meaning(self) -> str:
        """The meaning of the metric, in a sentence."""

    @property
    def unit(self) -> str:
        """The unit in words; empty where it has none."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of a metric's labels."""


def table(metrics: Iterable[MetricRow]) -> str:
    """A table in Markdown."""
    rows = ["| Name | Type | Labels | Unit | Meaning |", "| --- | --- | --- | --- | --- |"]
    rows += [
        f"| `{m.name}` | {m.kind} | {', '.join(f'`{label}`' for label in m.labels)} "
        f"| {m.unit} | {m.meaning} |"
        for m in metrics
    ]
    return "\n".join(row.replace("  ", " ") for row in rows) + "\n"


def page() -> str:
    """The whole page."""
    return "".join(
        (
            HEAD,
            table(METRICS),
            "\n## Portal: the pages' process\n\n",
            table(WEB),
            "\n## Portal: an ingest worker\n\nCounters begin at 0 with the worker.\n\n",
            table(INGEST),
        )
    )
