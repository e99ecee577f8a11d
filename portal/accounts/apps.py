"""The accounts as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, organizations, memberships and sign-in links."""

    name = "portal.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Register the checks that a start of the portal runs."""
        from portal.accounts import system_checks  # noqa: F401 - Django registers on import
