"""The error about a name that no configured device has, from the daemon or without it."""

from __future__ import annotations

from collections.abc import Iterable

from console.nearest import nearest
from console.templates import control
from gateway.control.protocol import ControlError


def unknown_device(name: str, known: Iterable[str], where: str = "") -> ControlError:
    """The error for ``name``, with the one of ``known`` that it most likely means.

    Args:
        name: What was given.
        known: The names of the configured devices.
        where: The file that was searched; ``""`` for the running configuration.
    """
    near = nearest(name, known)
    step = control.DID_YOU_MEAN(name=near) if near else control.LIST_DEVICES()
    return ControlError(control.UNKNOWN_DEVICE(name=name), where=where, next_step=step)
