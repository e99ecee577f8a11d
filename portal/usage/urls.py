"""The usage pages of devices and sites, their live fragment, and their files (``?format=csv``)."""

from __future__ import annotations

from django.urls import path

from portal.usage import views

urlpatterns = [
    path("usage/", views.usage_list, name="usage"),
    path("devices/<int:device>/usage/", views.device_usage, name="device-usage"),
    path("devices/<int:device>/usage/live/", views.device_usage_live, name="device-usage-live"),
    path("sites/<int:site>/usage/", views.site_usage, name="site-usage"),
]
