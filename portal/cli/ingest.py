"""``kanmon-portal ingest``: the worker that stores what gateways send."""

from __future__ import annotations

import click

from portal.cli.common import portal_ready


@click.command()
def ingest() -> None:
    """Run the ingest worker.

    The worker stores what gateways send, until it is stopped. While the database is unavailable, it
    waits.
    """
    with portal_ready(wait=True):
        from portal.ingest.worker import run

        run()
