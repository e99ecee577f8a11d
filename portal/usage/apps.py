"""The app, as Django finds it."""

from __future__ import annotations

from django.apps import AppConfig


class UsageConfig(AppConfig):
    """Usage, from counters."""

    name = "portal.usage"
