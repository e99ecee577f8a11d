"""The energy pages, what they poll, and their files (``?format=csv``)."""

from __future__ import annotations

from django.urls import path

from portal.usage import printing_views, views

urlpatterns = [
    path("operation/", printing_views.operation_page, name="operation"),
    path("report/live/", printing_views.report_live, name="report-live"),
    path("operation/live/", printing_views.operation_live, name="operation-live"),
    path("devices/<int:device>/energy/", views.device_energy, name="device-energy"),
    path("devices/<int:device>/energy/live/", views.device_energy_live, name="device-energy-live"),
    path("sites/<int:site>/energy/", views.site_energy, name="site-energy"),
]
