"""The audit log as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Entries, their details and the heads of their chains."""

    name = "portal.audit"
    label = "audit"
