"""The energy pages, what they poll, and their files (``?format=csv``)."""

from __future__ import annotations

from django.urls import path

from portal.usage import views

urlpatterns = [
    path("devices/<int:device>/energy/", views.device_energy, name="device-energy"),
    path("devices/<int:device>/energy/live/", views.device_energy_live, name="device-energy-live"),
    path("sites/<int:site>/energy/", views.site_energy, name="site-energy"),
]
