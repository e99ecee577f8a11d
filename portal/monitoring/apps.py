"""The monitoring pages as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """Overview, lists, device pages and their charts."""

    name = "portal.monitoring"
