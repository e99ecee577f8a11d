"""The accounts as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, organizations, memberships and sign-in links."""

    name = "portal.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Register the checks that a start of the portal runs, and record who signs in and out."""
        from allauth.mfa.signals import authenticator_added

        from portal.accounts import (
            second_factor,
            sign_in_record,
            system_checks,  # noqa: F401 - Django registers on import
        )

        sign_in_record.connect()
        authenticator_added.connect(second_factor.note_set_up)
