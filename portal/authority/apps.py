"""The authority as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class AuthorityConfig(AppConfig):
    """Certificates, revocations, agent keys, claims."""

    name = "portal.authority"
    label = "authority"
