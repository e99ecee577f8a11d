"""The ingest as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """Receipts, tables, samples, clocks, gaps, quarantine."""

    name = "portal.ingest"
    label = "ingest"

    def ready(self) -> None:
        """Check every connection to the database."""
        from portal.durability import watch_connections

        watch_connections()
