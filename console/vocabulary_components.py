"""The words for the parts of devices that the packaged profiles name in their conditions.

Values are the keys that a profile's ``component`` holds. A profile of an owner may hold others:
those are shown as they are written there.
"""

from __future__ import annotations

from typing import Final

from console.language import tr_noop
from console.vocabulary_quantities import table

PROFILE_COMPONENTS: Final = table(
    "component",
    {
        "ac output": tr_noop("AC output"),
        "active islanding": tr_noop("active islanding detection"),
        "active power instruction": tr_noop("active power command"),
        "arc detection": tr_noop("arc detection"),
        "backup output": tr_noop("backup output"),
        "battery": tr_noop("battery"),
        "battery polarity": tr_noop("battery polarity"),
        "ct wiring": tr_noop("CT wiring"),
        "dc arc": tr_noop("DC arc"),
        "dc arc to be cleared": tr_noop("DC arc, manual reset required"),
        "dc in output": tr_noop("DC injection"),
        "dc protection": tr_noop("DC protection unit"),
        "el unit": tr_noop("EL unit"),
        "external fan": tr_noop("external fan"),
        "firmware": tr_noop("firmware"),
        "grid controller": tr_noop("on-grid/off-grid controller"),
        "grid imbalance": tr_noop("grid voltage imbalance"),
        "grounding": tr_noop("grounding"),
        "high": tr_noop("overfrequency"),
        "internal fan": tr_noop("internal fan"),
        "license": tr_noop("license"),
        "low": tr_noop("underfrequency"),
        "model": tr_noop("model"),
        "monitoring unit": tr_noop("monitoring unit"),
        "optimizer": tr_noop("optimizer"),
        "passive islanding": tr_noop("passive islanding detection"),
        "peripheral port": tr_noop("peripheral port"),
        "pid": tr_noop("built-in PID recovery"),
        "power collector": tr_noop("power collector"),
        "pv configuration": tr_noop("PV module configuration"),
        "reactive power instruction": tr_noop("reactive power command"),
        "residual current": tr_noop("residual current"),
        "string backfeed": tr_noop("string current backfeed"),
        "string loss": tr_noop("string loss"),
        "string polarity": tr_noop("string polarity"),
        "string power": tr_noop("string power"),
        "string to ground": tr_noop("string voltage to ground"),
        "string voltage": tr_noop("string voltage"),
        "transient": tr_noop("transient"),
        "unstable": tr_noop("frequency fluctuation"),
    },
)
