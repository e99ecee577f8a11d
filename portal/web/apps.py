"""What every page is made with, as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Base templates, assets and tags."""

    name = "portal.web"
    label = "web"
