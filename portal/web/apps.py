"""What every page is made with, as a Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from portal.web.database_text import teach_sqlite


class WebConfig(AppConfig):
    """Base templates, assets and tags."""

    name = "portal.web"
    label = "web"

    def ready(self) -> None:
        """Teach each connection to SQLite what searches need."""
        connection_created.connect(teach_sqlite, dispatch_uid="portal.web.database_text")
