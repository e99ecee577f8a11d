"""The pages as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Templates, views, charts."""

    name = "portal.web"
    label = "web"
