"""The pages, and what they poll."""

from __future__ import annotations

from django.urls import path

from portal.web import agent_keys, views

urlpatterns = [
    path("", views.overview_page, name="overview"),
    path("live/", views.overview_live, name="overview-live"),
    path("keys/", agent_keys.keys_page, name="keys"),
    path("keys/<int:key>/withdraw/", agent_keys.key_revoke, name="key-revoke"),
    path("devices/<int:device>/", views.device_page, name="device"),
    path("devices/<int:device>/live/", views.device_live, name="device-live"),
    path("devices/<int:device>/chart/<int:series>/", views.chart, name="chart"),
]
