"""Every address of the portal. Who may open each is in `portal.permissions`."""

from __future__ import annotations

from django.urls import include, path

from portal.metrics.views import metrics

urlpatterns = [
    path("", include("portal.accounts.urls")),
    path("", include("portal.authority.urls")),
    path("", include("portal.monitoring.urls")),
    path("", include("portal.fleet.urls")),
    path("metrics", metrics, name="metrics"),
    path("", include("portal.usage.urls")),
    path("", include("portal.simulation.urls")),
]
