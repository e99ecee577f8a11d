"""``scripts/bench``: measure, print, and with ``--write`` keep in ``docs/benchmarks.md``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from scripts.benchmarks import (
    bus_efficiency,
    claim_service,
    fairness,
    ingest_copy,
    latency,
    other_gateway,
    poll_choice,
    portal_pages,
    spool_cost,
    thingsboard,
    whole_path,
    wire_bytes,
)
from scripts.benchmarks.figures import Figure, NotMeasuredError, machine, page, show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT: Final = Path(__file__).resolve().parents[2]

Group: TypeAlias = "tuple[str, Callable[[float], list[Figure]]]"

GROUPS: Final[dict[str, Group]] = {
    "wire": ("Bytes on the wire (whole MQTT PUBLISH packets)", wire_bytes.measure),
    "spool": ("Spool (SQLite, synchronous=FULL)", spool_cost.measure),
    "bus": ("Serial line, 9600 8E1, 30 registers a read", bus_efficiency.measure),
    "schedule": ("Schedule of a line, from one poll to the next", poll_choice.measure),
    "ingest": ("Ingest on PostgreSQL", ingest_copy.measure),
    "fairness": ("Ingest, answers to one box beside another that sends too much", fairness.measure),
    "gateway": ("Gateway, whole path", whole_path.measure),
    "claims": ("Claim service, a claim of two requests", claim_service.measure),
    "pages": (
        "Pages of the portal beside a box that names very many devices",
        portal_pages.measure,
    ),
    "latency": ("Latency, whole path, SQLite", latency.measure),
    "peer": (
        f"Beside thingsboard-gateway {thingsboard.version()}, Modbus TCP",
        other_gateway.measure,
    ),
}
"""Every figure there is, by the word that asks for it."""


def main(known: Mapping[str, Group] = GROUPS) -> int:
    """Measure what was asked for, of the ``known`` groups; not 0 where a gate is not passed."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure Kanmon.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(known)}")
    parser.add_argument("--scale", type=float, default=1.0, help="below 1: quicker and rougher")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    unknown = [group for group in options.groups if group not in known]
    if unknown or (options.write and options.groups):
        parser.error(
            f"there is no group {unknown[0]!r}; there are {', '.join(known)}"
            if unknown
            else "--write measures everything; leave the groups out"
        )
    print(machine())
    measured, skipped = [], []
    for group in options.groups or known:
        title, measure = known[group]
        try:
            figures = measure(options.scale)
        except NotMeasuredError as reason:
            skipped.append(f"GROUP {group!r} WAS NOT MEASURED: {reason}")
            figures = [Figure(name="everything in this group", value=f"not measured: {reason}")]
        show(title, figures)
        measured.append((title, figures))
    if options.write:
        (ROOT / "docs" / "benchmarks.md").write_text(page(measured))
    for words in skipped:
        print(words, file=sys.stderr)
    below = [one for _, figures in measured for one in figures if one.gate and not one.met]
    for one in below:
        print(f"GATE NOT PASSED: {one.name} is {one.value}, and must be {one.aim}", file=sys.stderr)
    return 1 if below or (skipped and options.groups) else 0


if __name__ == "__main__":
    sys.exit(main())
