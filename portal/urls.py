"""Every address of the portal. Who may open each is in `portal.permissions`."""

from __future__ import annotations

from django.urls import include, path

from portal.metrics.views import metrics
from portal.monitoring.metrics import database_gauges

urlpatterns = [
    path("", include("portal.accounts.urls")),
    path("", include("portal.audit.urls")),
    path("", include("portal.authority.urls")),
    path("", include("portal.monitoring.urls")),
    path("", include("portal.fleet.urls")),
    path("metrics", metrics, {"source": database_gauges}, name="metrics"),
    path("", include("portal.usage.urls")),
    path("", include("portal.manual.urls")),
    path("", include("portal.simulation.urls")),
]
