"""``kanmon-portal ledger``: what the fleet accepted against what the portal stored."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from console.language import tr, tr_noop
from console.output import columns
from portal.cli.common import json_option, portal_ready, say

if TYPE_CHECKING:
    from portal.ingest.fleet_ledger import FleetLedger

_COUNTS = {
    "accepted": tr_noop("accepted"),
    "stored": tr_noop("stored"),
    "quarantined": tr_noop("quarantined"),
    "gapped": tr_noop("gapped"),
    "waiting": tr_noop("waiting"),
    "holes": tr_noop("holes"),
    "undated": tr_noop("undated"),
}


@click.command()
@json_option
def ledger(*, as_json: bool) -> None:
    """Show the record counts of every box.

    Accepted are the records that a box's spool took in. Each of them is stored, quarantined (it
    was not usable), gapped (dropped, and announced by the box), waiting (it is not here yet) or a
    hole (the portal lost it and has asked the box for it). Undated records are stored and wait for
    the clock of their box; how many readings of which devices wait is shown below.
    """
    with portal_ready():
        from portal.ingest.fleet_ledger import FleetLedger, box_ledgers
        from portal.ingest.time_quality import undated_devices

        found, waiting = box_ledgers(), undated_devices()
        total = sum((one.ledger for one in found), FleetLedger())
        rows = [
            {
                "box": one.box.box_id,
                "gateway": one.box.gateway.name,
                "site": one.box.gateway.site.name,
                "organization": one.box.gateway.site.organization.name,
                **asdict(one.ledger),
                "undated_devices": [
                    {"device": each.name, "readings": each.readings}
                    for each in waiting
                    if each.box == one.box.pk
                ],
            }
            for one in found
        ]
        places = {
            one.box.pk: (row["gateway"], row["site"], row["box"])
            for row, one in zip(rows, found, strict=True)
        }
        cells = [(*places[one.box.pk], *_cells(one.ledger)) for one in found]
    place = (tr("gateway"), tr("site"), tr("box"))
    header = (*place, *map(tr, _COUNTS.values()))
    lines = columns([header, *cells, (tr("all boxes"), "", "", *_cells(total))], first_left=3)
    if waiting:
        readings = [(*places[one.box], one.name, f"{one.readings:,}") for one in waiting]
        header = (*place, tr("device"), tr("undated readings"))
        lines += ["", *columns([header, *readings], first_left=4)]
    say(
        {"boxes": rows, "total": asdict(total)},
        *(lines if found else [tr("There are no gateways.")]),
        as_json=as_json,
    )


def _cells(ledger: FleetLedger) -> tuple[str, ...]:
    counts = asdict(ledger)
    return tuple(f"{counts[name]:,}" for name in _COUNTS)
