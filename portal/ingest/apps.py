"""The ingest as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """Receipts, tables, samples, clocks, gaps, quarantine."""

    name = "portal.ingest"
    label = "ingest"
