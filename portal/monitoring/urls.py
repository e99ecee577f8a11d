"""The monitoring pages, and what they poll."""

from __future__ import annotations

from django.urls import path

from portal.monitoring import (
    device_edit,
    energy_views,
    frame,
    list_views,
    operation_views,
    views,
)

urlpatterns = [
    path("", views.overview_page, name="overview"),
    path("live/", views.overview_live, name="overview-live"),
    path("bell/live/", frame.bell_live, name="bell-live"),
    path("energy/", energy_views.energy_page, name="energy"),
    path("report/live/", operation_views.report_live, name="report-live"),
    path("operation/", operation_views.operation_page, name="operation"),
    path("operation/live/", operation_views.operation_live, name="operation-live"),
    path("sites/", list_views.sites_page, name="sites"),
    path("sites/live/", list_views.sites_live, name="sites-live"),
    path("sites/<int:site>/", views.site_page, name="site"),
    path("sites/<int:site>/live/", views.site_live, name="site-live"),
    path("gateways/", list_views.gateways_page, name="gateways"),
    path("gateways/live/", list_views.gateways_live, name="gateways-live"),
    path("gateways/<int:gateway>/", views.gateway_page, name="gateway"),
    path("gateways/<int:gateway>/live/", views.gateway_live, name="gateway-live"),
    path("devices/", list_views.devices_page, name="devices"),
    path("devices/live/", list_views.devices_live, name="devices-live"),
    path("devices/<int:device>/", views.device_page, name="device"),
    path("devices/<int:device>/live/", views.device_live, name="device-live"),
    path("devices/<int:device>/edit/", device_edit.device_edit, name="device-edit"),
    path("devices/<int:device>/chart/<int:series>/", views.chart, name="chart"),
]
