"""The fleet as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class FleetConfig(AppConfig):
    """Sites, gateways, boxes, devices."""

    name = "portal.fleet"
    label = "fleet"
