"""What each alert code of a printer means: its name, its class, and its code in our vocabulary.

An alert tells its code together with the group of the sub-unit it is about: *empty* is paper for an
input and toner for a marker's supply. So the generic codes are looked up by group first.

The names and numbers are IANA's (PrtAlertCodeTC); the classes, which
`drivers.printer.severity.alert_severity` turns into severities, are ours:

====== ===============================================================================
HW     it is broken: a person with tools has to come
TEMP   a temperature is out of range: it comes and goes while a fuser warms up
STOP   something keeps it from working, that whoever stands there can remedy
NEAR   something will soon
INFO   it tells what happened; or nobody knows what it means
====== ===============================================================================

Sources: IANA-PRINTER-MIB, revision of 2016-09-14; RFC 3805 section 2.2.13 and PrtAlertGroupTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from drivers.report import Code


class AlertClass(StrEnum):
    """The class of an alert code; see the module."""

    HW = "HW"
    TEMP = "TEMP"
    STOP = "STOP"
    NEAR = "NEAR"
    INFO = "INFO"


class Group(IntEnum):
    """The group of parts that an alert is about (prtAlertGroup)."""

    OTHER = 1
    STORAGE = 3
    DEVICE = 4
    GENERAL = 5
    COVER = 6
    LOCALIZATION = 7
    INPUT = 8
    OUTPUT = 9
    MARKER = 10
    SUPPLIES = 11
    COLORANT = 12
    MEDIA_PATH = 13
    CHANNEL = 14
    INTERPRETER = 15
    DISPLAY = 16
    LIGHTS = 17
    ALERT = 18
    FINISHER = 30
    FINISHER_SUPPLY = 31
    FINISHER_SUPPLY_INPUT = 32
    FINISHER_ATTRIBUTE = 33


def _standard_name(group: Group) -> str:
    first, *rest = group.name.lower().split("_")
    return first + "".join(map(str.capitalize, rest))


GROUP_NAMES: Final[Mapping[int, str]] = {
    **{group: _standard_name(group) for group in Group},
    Group.STORAGE: "hostResourcesMIBStorageTable",
    Group.DEVICE: "hostResourcesMIBDeviceTable",
    Group.GENERAL: "generalPrinter",
    Group.SUPPLIES: "markerSupplies",
    Group.COLORANT: "markerColorant",
    Group.DISPLAY: "consoleDisplayBuffer",
    Group.LIGHTS: "consoleLights",
    Group.FINISHER: "finDevice",
    Group.FINISHER_SUPPLY: "finSupply",
    Group.FINISHER_SUPPLY_INPUT: "finSupplyMediaInput",
    Group.FINISHER_ATTRIBUTE: "finAttribute",
}
"""The standard's names of groups (PrtAlertGroupTC)."""


@dataclass(frozen=True, slots=True)
class AlertCode:
    """The meaning of one alert code.

    Attributes:
        name: IANA's; ``""`` for one that IANA does not list.
        kind: Its class.
        code: In our vocabulary, whatever it is about.
    """

    name: str
    kind: AlertClass
    code: Code


_HW, _TEMP, _STOP = AlertClass.HW, AlertClass.TEMP, AlertClass.STOP
_NEAR, _INFO = AlertClass.NEAR, AlertClass.INFO

_GENERIC: Final[Mapping[int, AlertCode]] = {
    3: AlertCode("coverOpen", _STOP, Code.COVER_OPEN),
    4: AlertCode("coverClosed", _INFO, Code.NOTICE),
    5: AlertCode("interlockOpen", _STOP, Code.COVER_OPEN),
    6: AlertCode("interlockClosed", _INFO, Code.NOTICE),
    7: AlertCode("configurationChange", _INFO, Code.NOTICE),
    8: AlertCode("jam", _STOP, Code.MEDIA_JAM),
    9: AlertCode("subunitMissing", _STOP, Code.ATTENTION),
    10: AlertCode("subunitLifeAlmostOver", _NEAR, Code.MAINTENANCE_DUE),
    11: AlertCode("subunitLifeOver", _STOP, Code.MAINTENANCE_DUE),
    12: AlertCode("subunitAlmostEmpty", _NEAR, Code.SUPPLY_LOW),
    13: AlertCode("subunitEmpty", _STOP, Code.SUPPLY_EMPTY),
    14: AlertCode("subunitAlmostFull", _NEAR, Code.OUTPUT_NEAR_FULL),
    15: AlertCode("subunitFull", _STOP, Code.OUTPUT_FULL),
    16: AlertCode("subunitNearLimit", _NEAR, Code.MAINTENANCE_DUE),
    17: AlertCode("subunitAtLimit", _STOP, Code.MAINTENANCE_DUE),
    18: AlertCode("subunitOpened", _STOP, Code.COVER_OPEN),
    19: AlertCode("subunitClosed", _INFO, Code.NOTICE),
    20: AlertCode("subunitTurnedOn", _INFO, Code.NOTICE),
    21: AlertCode("subunitTurnedOff", _NEAR, Code.DEVICE_OFFLINE),
    22: AlertCode("subunitOffline", _INFO, Code.DEVICE_OFFLINE),
    23: AlertCode("subunitPowerSaver", _INFO, Code.NOTICE),
    24: AlertCode("subunitWarmingUp", _INFO, Code.NOTICE),
    25: AlertCode("subunitAdded", _INFO, Code.NOTICE),
    26: AlertCode("subunitRemoved", _STOP, Code.ATTENTION),
    27: AlertCode("subunitResourceAdded", _INFO, Code.NOTICE),
    28: AlertCode("subunitResourceRemoved", _NEAR, Code.ATTENTION),
    29: AlertCode("subunitRecoverableFailure", _STOP, Code.HARDWARE_FAILURE),
    30: AlertCode("subunitUnrecoverableFailure", _HW, Code.HARDWARE_FAILURE),
    31: AlertCode("subunitRecoverableStorageError", _STOP, Code.MEMORY_FAULT),
    32: AlertCode("subunitUnrecoverableStorageError", _HW, Code.MEMORY_FAULT),
    33: AlertCode("subunitMotorFailure", _HW, Code.HARDWARE_FAILURE),
    34: AlertCode("subunitMemoryExhausted", _STOP, Code.MEMORY_FAULT),
    35: AlertCode("subunitUnderTemperature", _TEMP, Code.TEMPERATURE_LOW),
    36: AlertCode("subunitOverTemperature", _TEMP, Code.TEMPERATURE_HIGH),
    37: AlertCode("subunitTimingFailure", _HW, Code.HARDWARE_FAILURE),
    38: AlertCode("subunitThermistorFailure", _HW, Code.HARDWARE_FAILURE),
}
"""Of any sub-unit; a finisher's own codes repeat them, counted from a hundred."""

_PRINTER: Final[Mapping[int, AlertCode]] = {
    1: AlertCode("other", _INFO, Code.ATTENTION),
    2: AlertCode("unknown", _INFO, Code.ATTENTION),
    501: AlertCode("doorOpen", _STOP, Code.COVER_OPEN),
    502: AlertCode("doorClosed", _INFO, Code.NOTICE),
    503: AlertCode("powerUp", _INFO, Code.NOTICE),
    504: AlertCode("powerDown", _INFO, Code.NOTICE),
    505: AlertCode("printerNMSReset", _INFO, Code.NOTICE),
    506: AlertCode("printerManualReset", _INFO, Code.NOTICE),
    507: AlertCode("printerReadyToPrint", _INFO, Code.NOTICE),
    801: AlertCode("inputMediaTrayMissing", _STOP, Code.TRAY_MISSING),
    802: AlertCode("inputMediaSizeChange", _INFO, Code.NOTICE),
    803: AlertCode("inputMediaWeightChange", _INFO, Code.NOTICE),
    804: AlertCode("inputMediaTypeChange", _INFO, Code.NOTICE),
    805: AlertCode("inputMediaColorChange", _INFO, Code.NOTICE),
    806: AlertCode("inputMediaFormPartsChange", _INFO, Code.NOTICE),
    807: AlertCode("inputMediaSupplyLow", _NEAR, Code.MEDIA_LOW),
    808: AlertCode("inputMediaSupplyEmpty", _STOP, Code.MEDIA_EMPTY),
    809: AlertCode("inputMediaChangeRequest", _STOP, Code.MEDIA_MISMATCH),
    810: AlertCode("inputManualInputRequest", _STOP, Code.MEDIA_MISMATCH),
    811: AlertCode("inputTrayPositionFailure", _STOP, Code.HARDWARE_FAILURE),
    812: AlertCode("inputTrayElevationFailure", _STOP, Code.HARDWARE_FAILURE),
    813: AlertCode("inputCannotFeedSizeSelected", _STOP, Code.MEDIA_MISMATCH),
    901: AlertCode("outputMediaTrayMissing", _STOP, Code.TRAY_MISSING),
    902: AlertCode("outputMediaTrayAlmostFull", _NEAR, Code.OUTPUT_NEAR_FULL),
    903: AlertCode("outputMediaTrayFull", _STOP, Code.OUTPUT_FULL),
    904: AlertCode("outputMailboxSelectFailure", _STOP, Code.HARDWARE_FAILURE),
    1001: AlertCode("markerFuserUnderTemperature", _TEMP, Code.TEMPERATURE_LOW),
    1002: AlertCode("markerFuserOverTemperature", _HW, Code.TEMPERATURE_HIGH),
    1003: AlertCode("markerFuserTimingFailure", _HW, Code.HARDWARE_FAILURE),
    1004: AlertCode("markerFuserThermistorFailure", _HW, Code.HARDWARE_FAILURE),
    1005: AlertCode("markerAdjustingPrintQuality", _INFO, Code.NOTICE),
    1101: AlertCode("markerTonerEmpty", _STOP, Code.SUPPLY_EMPTY),
    1102: AlertCode("markerInkEmpty", _STOP, Code.SUPPLY_EMPTY),
    1103: AlertCode("markerPrintRibbonEmpty", _STOP, Code.SUPPLY_EMPTY),
    1104: AlertCode("markerTonerAlmostEmpty", _NEAR, Code.SUPPLY_LOW),
    1105: AlertCode("markerInkAlmostEmpty", _NEAR, Code.SUPPLY_LOW),
    1106: AlertCode("markerPrintRibbonAlmostEmpty", _NEAR, Code.SUPPLY_LOW),
    1107: AlertCode("markerWasteTonerReceptacleAlmostFull", _NEAR, Code.WASTE_NEAR_FULL),
    1108: AlertCode("markerWasteInkReceptacleAlmostFull", _NEAR, Code.WASTE_NEAR_FULL),
    1109: AlertCode("markerWasteTonerReceptacleFull", _STOP, Code.WASTE_FULL),
    1110: AlertCode("markerWasteInkReceptacleFull", _STOP, Code.WASTE_FULL),
    1111: AlertCode("markerOpcLifeAlmostOver", _NEAR, Code.SUPPLY_LOW),
    1112: AlertCode("markerOpcLifeOver", _STOP, Code.SUPPLY_EMPTY),
    1113: AlertCode("markerDeveloperAlmostEmpty", _NEAR, Code.SUPPLY_LOW),
    1114: AlertCode("markerDeveloperEmpty", _STOP, Code.SUPPLY_EMPTY),
    1115: AlertCode("markerTonerCartridgeMissing", _STOP, Code.SUPPLY_MISSING),
    1301: AlertCode("mediaPathMediaTrayMissing", _STOP, Code.TRAY_MISSING),
    1302: AlertCode("mediaPathMediaTrayAlmostFull", _NEAR, Code.OUTPUT_NEAR_FULL),
    1303: AlertCode("mediaPathMediaTrayFull", _STOP, Code.OUTPUT_FULL),
    1304: AlertCode("mediaPathCannotDuplexMediaSelected", _NEAR, Code.MEDIA_MISMATCH),
    1501: AlertCode("interpreterMemoryIncrease", _INFO, Code.NOTICE),
    1502: AlertCode("interpreterMemoryDecrease", _INFO, Code.NOTICE),
    1503: AlertCode("interpreterCartridgeAdded", _INFO, Code.NOTICE),
    1504: AlertCode("interpreterCartridgeDeleted", _INFO, Code.NOTICE),
    1505: AlertCode("interpreterResourceAdded", _INFO, Code.NOTICE),
    1506: AlertCode("interpreterResourceDeleted", _INFO, Code.NOTICE),
    1507: AlertCode("interpreterResourceUnavailable", _STOP, Code.MEMORY_FAULT),
    1509: AlertCode("interpreterComplexPageEncountered", _NEAR, Code.NOTICE),
    1801: AlertCode("alertRemovalOfBinaryChangeEntry", _INFO, Code.NOTICE),
}
"""Of printers; 1801 says of another alert that it is over."""

_FINISHERS: Final = (
    "stapler", "stitcher", "folder", "binder", "trimmer", "dieCutter", "puncher", "perforater",
    "slitter", "separationCutter", "imprinter", "wrapper", "bander", "makeEnvelope", "stacker",
    "sheetRotator", "inserter",
)  # fmt: skip
"""In the order of their codes, a hundred each."""
FINISHER_FIRST: Final = 30_200
FINISHERS: Final = range(FINISHER_FIRST, FINISHER_FIRST + 100 * len(_FINISHERS))
"""The codes of all finishers: the last two digits are the generic code."""


def _of_finishers() -> dict[int, AlertCode]:
    """A finisher's codes are the generic ones, counted from its own hundred."""
    codes = {}
    for place, device in enumerate(_FINISHERS):
        for number, generic in _GENERIC.items():
            name = generic.name.removeprefix("subunit")
            name = device + name[0].upper() + name[1:]
            code = AlertCode(name, generic.kind, generic.code)
            codes[FINISHER_FIRST + 100 * place + number] = code
    return codes


ALERT_CODES: Final[Mapping[int, AlertCode]] = {**_PRINTER, **_GENERIC, **_of_finishers()}
"""Every code that IANA lists."""
UNLISTED: Final = AlertCode("", AlertClass.INFO, Code.ATTENTION)
"""A maker's own."""

_PAPER_OUT: Final = {9: Code.TRAY_MISSING, 26: Code.TRAY_MISSING}
_SUPPLY: Final = {
    9: Code.SUPPLY_MISSING,
    10: Code.SUPPLY_LOW,
    11: Code.SUPPLY_EMPTY,
    14: Code.WASTE_NEAR_FULL,
    15: Code.WASTE_FULL,
    26: Code.SUPPLY_MISSING,
}
_BY_GROUP: Final[Mapping[int, Mapping[int, Code]]] = {
    Group.INPUT: {**_PAPER_OUT, 12: Code.MEDIA_LOW, 13: Code.MEDIA_EMPTY},
    Group.OUTPUT: _PAPER_OUT,
    Group.MARKER: _SUPPLY,
    Group.SUPPLIES: _SUPPLY,
    Group.COLORANT: _SUPPLY,
    Group.FINISHER_SUPPLY: _SUPPLY,
    Group.STORAGE: dict.fromkeys((29, 30), Code.MEMORY_FAULT),
}
"""What a generic code is called in the group it is told of, where that matters."""


def meaning(code: int, group: int) -> AlertCode:
    """What ``code`` means when it is told of something in ``group``."""
    known = ALERT_CODES.get(code, UNLISTED)
    generic = code % 100 if code in FINISHERS else code
    special = _BY_GROUP.get(group, {}).get(generic)
    return known if special is None else AlertCode(known.name, known.kind, special)
