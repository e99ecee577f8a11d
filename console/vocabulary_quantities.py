"""The names of quantities, of their units and of their parts; used through `console.vocabulary`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from console.language import tr_noop
from console.text import Template


def table(area: str, texts: Mapping[str, str]) -> Mapping[str, Template]:
    """The words of one list, by value."""
    return {value: Template(f"{area}.{value}", text) for value, text in texts.items()}


QUANTITIES: Final = table(
    "quantity",
    {
        "voltage": tr_noop("voltage"),
        "current": tr_noop("current"),
        "frequency": tr_noop("frequency"),
        "power.active": tr_noop("active power"),
        "power.reactive": tr_noop("reactive power"),
        "power.apparent": tr_noop("apparent power"),
        "power_factor": tr_noop("power factor"),
        "phase_angle": tr_noop("phase angle"),
        "thd.voltage": tr_noop("voltage distortion (THD)"),
        "thd.current": tr_noop("current distortion (THD)"),
        "demand.active": tr_noop("power demand"),
        "demand.active.peak": tr_noop("peak power demand"),
        "demand.current": tr_noop("current demand"),
        "demand.current.peak": tr_noop("peak current demand"),
        "energy.import": tr_noop("energy imported"),
        "energy.export": tr_noop("energy exported"),
        "energy.total": tr_noop("total energy"),
        "energy.net": tr_noop("net energy"),
        "energy.reactive.import": tr_noop("reactive energy imported"),
        "energy.reactive.export": tr_noop("reactive energy exported"),
        "energy.reactive.total": tr_noop("total reactive energy"),
        "energy.apparent": tr_noop("apparent energy"),
        "charge": tr_noop("charge"),
        "temperature": tr_noop("temperature"),
        "temperature.flow": tr_noop("flow temperature"),
        "temperature.return": tr_noop("return temperature"),
        "pressure": tr_noop("pressure"),
        "flow": tr_noop("flow rate"),
        "power.thermal": tr_noop("thermal power"),
        "energy.heat": tr_noop("heat energy"),
        "energy.cold": tr_noop("cooling energy"),
        "volume": tr_noop("volume"),
        "volume.gas": tr_noop("gas volume"),
        "volume.water": tr_noop("water volume"),
        "irradiance": tr_noop("irradiance"),
        "impressions": tr_noop("impressions printed"),
        "sheets": tr_noop("sheets used"),
        "jobs": tr_noop("jobs processed"),
        "area": tr_noop("printed area"),
        "length": tr_noop("printed length"),
        "ink": tr_noop("ink used"),
        "pieces": tr_noop("pieces processed"),
        "funds.remaining": tr_noop("funds remaining"),
        "funds.used": tr_noop("funds used"),
        "uptime": tr_noop("uptime"),
        "operating_time": tr_noop("operating time"),
        "resistance": tr_noop("resistance"),
        "signal": tr_noop("signal strength"),
        "note": tr_noop("note"),
        "spool.records": tr_noop("records in the spool"),
        "spool.bytes": tr_noop("spool size"),
        "spool.oldest": tr_noop("age of the oldest record"),
        "spool.dropped": tr_noop("records dropped"),
        "spool.rejected": tr_noop("records rejected"),
        "polls": tr_noop("polls made"),
        "polls.failed": tr_noop("failed polls"),
        "polls.missed": tr_noop("missed polls"),
        "disk.free": tr_noop("free disk space"),
        "memory.resident": tr_noop("memory in use"),
        "cpu.time": tr_noop("processor time"),
    },
)
UNITS: Final = table(
    "unit",
    {
        "impressions": tr_noop("impressions"),
        "sheets": tr_noop("sheets"),
        "jobs": tr_noop("jobs"),
        "pieces": tr_noop("pieces"),
        "records": tr_noop("records"),
        "polls": tr_noop("polls"),
    },
)
PARTS: Final = table(
    "part",
    {
        "tariff": tr_noop("tariff {value}"),
        "phase": tr_noop("phase {value}"),
        "string": tr_noop("string {value}"),
        "channel": tr_noop("channel {value}"),
        "size": tr_noop("size {value}"),
        "duty": tr_noop("duty {value}"),
        "line": tr_noop("line {value}"),
    },
)
"""By the key of a part; the value is a number or a name."""
VALUES: Final = {
    "colour": table(
        "part_colour",
        {
            "mono": tr_noop("monochrome"),
            "colour": tr_noop("full colour"),
            "two": tr_noop("two-colour"),
            "single": tr_noop("single-colour"),
        },
    ),
    "function": table(
        "part_function",
        {
            "copy": tr_noop("copy"),
            "print": tr_noop("print"),
            "receive": tr_noop("fax received"),
            "scan": tr_noop("scan"),
            "send": tr_noop("fax sent"),
            "duplex": tr_noop("two-sided"),
            "list": tr_noop("list printing"),
        },
    ),
    "side": table(
        "part_side",
        {"simplex": tr_noop("one-sided"), "duplex": tr_noop("two-sided")},
    ),
}
"""By the key of a part whose values are words."""
