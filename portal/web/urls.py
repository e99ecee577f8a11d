"""The pages, and what they poll."""

from __future__ import annotations

from django.urls import path

from portal.web import agent_keys, code_help, device_edit, group, list_views, views

urlpatterns = [
    path("", views.overview_page, name="overview"),
    path("live/", views.overview_live, name="overview-live"),
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
    path("groups/<int:group>/", group.group_page, name="group"),
    path("groups/<int:group>/delete/", group.group_delete, name="group-delete"),
    path("organizations/", list_views.organizations_page, name="organizations"),
    path("keys/", agent_keys.keys_page, name="keys"),
    path("keys/<int:key>/withdraw/", agent_keys.key_revoke, name="key-revoke"),
    path("help/codes/", code_help.codes_page, name="codes-help"),
    path("help/codes/<int:number>/", code_help.code_page, name="code-help"),
    path("devices/<int:device>/", views.device_page, name="device"),
    path("devices/<int:device>/live/", views.device_live, name="device-live"),
    path("devices/<int:device>/edit/", device_edit.device_edit, name="device-edit"),
    path("devices/<int:device>/chart/<int:series>/", views.chart, name="chart"),
]
