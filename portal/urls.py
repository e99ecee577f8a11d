"""Every address of the portal. Who may open each is in `portal.permissions`."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("portal.accounts.urls")),
    path("", include("portal.authority.urls")),
    path("", include("portal.web.urls")),
    path("", include("portal.energy.urls")),
]
