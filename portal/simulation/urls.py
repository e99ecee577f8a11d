"""The strip's live fragment and its buttons."""

from __future__ import annotations

from django.urls import path

from portal.simulation import views

urlpatterns = [
    path("simulation/live/", views.live, name="simulation-live"),
    path("simulation/break/", views.inject_or_end, name="simulation-break"),
]
