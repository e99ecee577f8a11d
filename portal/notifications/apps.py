"""The notifications as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """The outbox of mail and its worker."""

    name = "portal.notifications"
    label = "notifications"

    def ready(self) -> None:
        """Register the checks that a start of the portal runs."""
        from portal.notifications import system_checks  # noqa: F401 - Django registers on import
