"""The simulation as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class SimulationConfig(AppConfig):
    """The strip, and the marks on simulated history."""

    name = "portal.simulation"
    label = "simulation"
