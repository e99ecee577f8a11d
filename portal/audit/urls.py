"""The page of the audit log, and its files."""

from __future__ import annotations

from django.urls import path

from portal.audit import pages

urlpatterns = [
    path("audit/", pages.audit_page, name="audit"),
    path("audit/export/", pages.audit_export, name="audit-export"),
]
