"""The app, as Django finds it."""

from __future__ import annotations

from django.apps import AppConfig


class SimulationConfig(AppConfig):
    """What exists only where sites are simulated."""

    name = "portal.simulation"
    label = "simulation"
