"""The words of reports for people: what the values of `drivers.report` are called.

Both programs use these words, so a paper jam has one name on a console and on a page. Every word
is found by its value, the text that travels, because `console` knows nothing of the drivers; a
value that is not listed, such as one from a newer gateway, stays as it is.

Words are written as they stand within a sentence, ``paper jam``. A cell of a table, a heading and
a label begin with a capital: `console.text.Message.heading`.

::

    component("toner black")                      black toner            ブラックトナー
    part("colour=mono,size=A4")                   monochrome, size A4    白黒、A4サイズ
    phrase("media.jam", "tray 2")                 paper jam in tray 2    トレイ2で用紙詰まり
    phrase("attention", "dc arc")                 attention required (DC arc)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from console import component_key, part_key
from console.component_key import Conductor, Name, SupplyItem, Unit
from console.language import tr_noop
from console.part_key import Slices, Token
from console.text import Message, Template, verbatim
from console.vocabulary_components import PROFILE_COMPONENTS
from console.vocabulary_quantities import PARTS, QUANTITIES, UNITS, VALUES, table

__all__ = [
    "CODES",
    "COLOURS",
    "COMPONENTS",
    "EVIDENCE_KINDS",
    "LANES",
    "QUALITIES",
    "QUANTITIES",
    "REACHABILITIES",
    "SEVERITIES",
    "STATES",
    "SUPPLIES",
    "SUPPLY_STATES",
    "UNITS",
    "VALUES",
    "component",
    "part",
    "phrase",
    "supply",
    "word",
]

REACHABILITIES: Final = table(
    "reachability",
    {
        "online": tr_noop("online"),
        "silent_as_expected": tr_noop("on standby"),
        "unreachable": tr_noop("unreachable"),
        "never": tr_noop("never reached"),
    },
)
EVIDENCE_KINDS: Final = table(
    "evidence_kind",
    {
        "oid": tr_noop("SNMP"),
        "register": tr_noop("Modbus"),
        "keyword": tr_noop("keyword"),
        "exchange": tr_noop("poll"),
        "gateway": tr_noop("gateway"),
    },
)
"""Where a value stands that a condition is based on."""
STATES: Final = table(
    "state",
    {
        "running": tr_noop("running"),
        "ready": tr_noop("ready"),
        "error": tr_noop("error"),
        "other": tr_noop("other"),
    },
)
SEVERITIES: Final = table(
    "severity",
    {
        "service_call": tr_noop("service call"),
        "error": tr_noop("error"),
        "warning": tr_noop("warning"),
        "info": tr_noop("information"),
    },
)
QUALITIES: Final = table(
    "quality",
    {
        "good": tr_noop("good"),
        "not_supported": tr_noop("not supported by the device"),
        "not_available": tr_noop("not available"),
        "out_of_range": tr_noop("out of range"),
        "unreconciled": tr_noop("parts do not add up to the total"),
    },
)
SUPPLY_STATES: Final = table(
    "supply_state",
    {
        "ok": tr_noop("OK"),
        "low": tr_noop("low"),
        "empty": tr_noop("empty"),
        "some_left": tr_noop("some left"),
        "unknown": tr_noop("unknown"),
        "missing": tr_noop("missing"),
    },
)
CODES: Final = table(
    "code",
    {
        "media.jam": tr_noop("paper jam"),
        "media.empty": tr_noop("out of paper"),
        "media.low": tr_noop("paper low"),
        "media.mismatch": tr_noop("paper mismatch"),
        "output.full": tr_noop("output tray full"),
        "output.near_full": tr_noop("output tray nearly full"),
        "tray.missing": tr_noop("tray missing"),
        "supply.low": tr_noop("supply low"),
        "supply.empty": tr_noop("supply empty"),
        "supply.missing": tr_noop("supply missing"),
        "waste.near_full": tr_noop("waste container nearly full"),
        "waste.full": tr_noop("waste container full"),
        "cover.open": tr_noop("cover open"),
        "maintenance.due": tr_noop("maintenance due"),
        "hardware.failure": tr_noop("hardware failure"),
        "temperature.high": tr_noop("temperature too high"),
        "temperature.low": tr_noop("temperature too low"),
        "grid.overvoltage": tr_noop("grid overvoltage"),
        "grid.undervoltage": tr_noop("grid undervoltage"),
        "grid.frequency": tr_noop("grid frequency out of range"),
        "grid.lost": tr_noop("grid power lost"),
        "phase.lost": tr_noop("phase lost"),
        "phase.sequence": tr_noop("wrong phase sequence"),
        "overcurrent": tr_noop("overcurrent"),
        "overload": tr_noop("overload"),
        "insulation.fault": tr_noop("insulation fault"),
        "ground.fault": tr_noop("ground fault"),
        "sensor.fault": tr_noop("sensor fault"),
        "leak": tr_noop("leak"),
        "tamper": tr_noop("tampering detected"),
        "battery.low": tr_noop("battery low"),
        "memory.fault": tr_noop("memory fault"),
        "clock.unset": tr_noop("clock not set"),
        "certificate.expiring": tr_noop("certificate expiring"),
        "funds.low": tr_noop("funds low"),
        "device.offline": tr_noop("device offline"),
        "attention": tr_noop("attention required"),
        "comm.unreachable": tr_noop("connection failed"),
        "comm.timeout": tr_noop("no response"),
        "comm.refused": tr_noop("request refused"),
        "comm.garbled": tr_noop("invalid response"),
        "identity.changed": tr_noop("device replaced"),
        "driver.fault": tr_noop("driver error"),
        "poll.late": tr_noop("polling too slow"),
        "data.not_sent": tr_noop("data not sent"),
        "spool.full": tr_noop("spool full"),
        "spool.fault": tr_noop("spool fault"),
        "disk.full": tr_noop("disk full"),
        "service.requested": tr_noop("service requested"),
        "notice": tr_noop("notice"),
    },
)
_PHRASES: Final = table(
    "code_of",
    {
        "media.jam": tr_noop("paper jam in {component}"),
        "media.empty": tr_noop("{component} out of paper"),
        "media.low": tr_noop("{component} low on paper"),
        "media.mismatch": tr_noop("paper mismatch in {component}"),
        "output.full": tr_noop("{component} full"),
        "output.near_full": tr_noop("{component} nearly full"),
        "tray.missing": tr_noop("{component} missing"),
        "supply.low": tr_noop("{component} low"),
        "supply.empty": tr_noop("{component} empty"),
        "supply.missing": tr_noop("{component} missing"),
        "waste.near_full": tr_noop("{component} nearly full"),
        "waste.full": tr_noop("{component} full"),
        "cover.open": tr_noop("{component} open"),
    },
)
COMPONENTS: Final = table(
    "component",
    {
        "tray": tr_noop("tray"),
        "roll": tr_noop("roll"),
        "input": tr_noop("paper source"),
        "output": tr_noop("output tray"),
        "cover": tr_noop("cover"),
        "marker": tr_noop("print engine"),
        "path": tr_noop("paper path"),
        "channel": tr_noop("print data channel"),
        "interpreter": tr_noop("page language interpreter"),
        "finisher": tr_noop("finisher"),
        "finisher supply": tr_noop("finisher supply"),
        "supply": tr_noop("supply"),
    },
)
"""The parts of a device, which its driver numbers: ``tray 2``."""
SUPPLIES: Final = table(
    "supply",
    {
        "toner": tr_noop("toner"),
        "ink": tr_noop("ink"),
        "drum": tr_noop("drum"),
        "developer": tr_noop("developer"),
        "fuser": tr_noop("fuser"),
        "fuser_oil": tr_noop("fuser oil"),
        "transfer_unit": tr_noop("transfer unit"),
        "corona_wire": tr_noop("corona wire"),
        "ribbon": tr_noop("ribbon"),
        "wax": tr_noop("wax"),
        "water": tr_noop("water"),
        "glue": tr_noop("glue"),
        "binding": tr_noop("binding supply"),
        "banding": tr_noop("banding supply"),
        "staples": tr_noop("staples"),
        "wrap": tr_noop("wrapping film"),
        "insert": tr_noop("insert sheets"),
        "cover_sheet": tr_noop("cover sheets"),
        "cleaner": tr_noop("cleaning unit"),
        "maintenance_kit": tr_noop("maintenance kit"),
        "waste": tr_noop("waste container"),
        "maintenance_tank": tr_noop("maintenance tank"),
        "paper": tr_noop("paper"),
        "funds": tr_noop("funds"),
        "other": tr_noop("other supply"),
    },
)
"""The kinds of `drivers.report.Supply`, in the order in which they are shown."""
COLOURS: Final = table(
    "colour",
    {
        "black": tr_noop("black"),
        "photo_black": tr_noop("photo black"),
        "matte_black": tr_noop("matte black"),
        "cyan": tr_noop("cyan"),
        "light_cyan": tr_noop("light cyan"),
        "magenta": tr_noop("magenta"),
        "light_magenta": tr_noop("light magenta"),
        "yellow": tr_noop("yellow"),
        "gray": tr_noop("grey"),
        "light_gray": tr_noop("light grey"),
        "red": tr_noop("red"),
        "green": tr_noop("green"),
        "blue": tr_noop("blue"),
        "orange": tr_noop("orange"),
        "violet": tr_noop("violet"),
        "white": tr_noop("white"),
    },
)
LANES: Final = table(
    "lane",
    {
        "event": tr_noop("status changes"),
        "gap": tr_noop("missing-data notices"),
        "boundary": tr_noop("midnight values"),
        "data": tr_noop("readings"),
    },
)
"""The lanes of `cloud_link.topics`: in which order records are sent."""

_COLOURED: Final = Template("vocabulary.coloured", "{colour} {supply}")
_NUMBERED: Final = Template("vocabulary.numbered", "{component} {number}")
_CODE_AND_COMPONENT: Final = Template("vocabulary.code_and_component", "{code} on {component}")
_CODE_AND_NAME: Final = Template("vocabulary.code_and_name", "{code} ({name})")
"""For the names of profiles: what they name need not be a place that something can be on."""
_LISTED: Final = Template("vocabulary.listed", "{first}, {rest}")


def word(words: Mapping[str, Template], value: str) -> Message:
    """The word for a value; one that has none stays as it is."""
    template = words.get(value)
    return template() if template else verbatim(value)


def supply(kind: str, colour: str = "") -> Message:
    """A supply by its kind and, where it has one, its colour: ``black toner``, ``black supply``."""
    if not colour:
        return word(SUPPLIES, kind)
    name = COMPONENTS["supply"]() if kind == "other" else word(SUPPLIES, kind)
    return _COLOURED(colour=word(COLOURS, colour), supply=name)


def component(key: str) -> Message:
    """The component of a key, see `console.component_key`; an unknown one stays as it is."""
    match component_key.read(key):
        case Conductor(name=name):
            return verbatim(name.upper())
        case Unit(kind=kind, number=None):
            return word(COMPONENTS, kind)
        case Unit(kind=kind, number=number):
            return _NUMBERED(component=word(COMPONENTS, kind), number=str(number))
        case SupplyItem(kind=kind, colour=colour):
            return supply(kind, colour)
        case Name(text=text):
            return word(PROFILE_COMPONENTS, text)


def phrase(code: str, of: str = "") -> Message:
    """A condition within a sentence: its code and the component it is about."""
    if not of:
        return word(CODES, code)
    if code in _PHRASES:
        return _PHRASES[code](component=component(of))
    if isinstance(component_key.read(of), Name):
        return _CODE_AND_NAME(code=word(CODES, code), name=component(of))
    return _CODE_AND_COMPONENT(code=word(CODES, code), component=component(of))


def part(key: str) -> Message:
    """Which phase, tariff or slice a reading is of: ``L1``, ``tariff 2``, ``monochrome, size A4``.

    The grammar is that of `console.part_key`; what is unknown stays as it is.
    """
    match part_key.read(key):
        case Token(text=text):
            return verbatim(text.upper() if text in part_key.TOKENS else text)
        case Slices(pairs=pairs):
            first, *rest = (_slice(name, value) for name, value in pairs)
            for one in rest:
                first = _LISTED(first=first, rest=one)
            return first


def _slice(name: str, value: str) -> Message:
    if name == "lane":
        return word(LANES, value)
    if name in VALUES:
        return word(VALUES[name], value)
    if name in PARTS:
        return PARTS[name](value=value.upper() if name == "phase" else value)
    return verbatim(part_key.write(Slices(((name, value),))))
