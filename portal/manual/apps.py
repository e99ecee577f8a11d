"""The manual as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ManualConfig(AppConfig):
    """The manual for customers; it stores nothing."""

    name = "portal.manual"
    label = "manual"
