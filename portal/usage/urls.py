"""The usage pages of devices and sites, their live fragment, and their files (``?format=csv``)."""

from __future__ import annotations

from django.urls import path

from portal.usage import views

urlpatterns = [
    path("devices/<int:device>/energy/", views.device_usage, name="device-energy"),
    path("devices/<int:device>/energy/live/", views.device_usage_live, name="device-energy-live"),
    path("sites/<int:site>/energy/", views.site_usage, name="site-energy"),
]
