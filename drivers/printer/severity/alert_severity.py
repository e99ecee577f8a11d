"""How severe an alert of a printer is, by class, severity level and training level.

=====  ============  ==================  ====================  ============
class  critical(3)   warningBinary(5)    warningUnary(4)       other(1)
=====  ============  ==================  ====================  ============
HW     service call  error               warning               warning
TEMP   error         info                info                  info
STOP   error         warning             warning               info
NEAR   error         warning             warning               info
INFO   error         info                info                  info
=====  ============  ==================  ====================  ============

Where the alert says that only field service is trained for it, it is more severe, as
`_FIELD_SERVICE` has it. A warning of a class STOP is one: a second tray is empty, and the printer
prints on.

Sources: RFC 3805 (PrtAlertSeverityLevelTC, PrtAlertTrainingLevelTC) for the levels; the cells are
ours, read off real devices' alerts: critical and *trained* is a jam there, not a service call.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from drivers.printer.severity.alert_codes import AlertClass
from drivers.report import Severity


class Level(IntEnum):
    """The severity level of an alert (PrtAlertSeverityLevelTC)."""

    OTHER = 1
    CRITICAL = 3
    WARNING_UNARY = 4
    """An event without an end: nothing will report that it is over."""
    WARNING_BINARY = 5


LEVEL_NAMES: Final[Mapping[int, str]] = {
    1: "other",
    3: "critical",
    4: "warning",
    5: "warningBinaryChangeEvent",
}
"""The standard's names of severity levels (PrtAlertSeverityLevelTC)."""
TRAINING_NAMES: Final[Mapping[int, str]] = {
    1: "other",
    2: "unknown",
    3: "untrained",
    4: "trained",
    5: "fieldService",
    6: "management",
    7: "noInterventionRequired",
}
"""The standard's names of training levels (PrtAlertTrainingLevelTC)."""
FIELD_SERVICE: Final = 5
"""The value of PrtAlertTrainingLevelTC that makes an alert more severe."""

_CALL, _ERROR = Severity.SERVICE_CALL, Severity.ERROR
_WARNING, _INFO = Severity.WARNING, Severity.INFO

Cells = Mapping[AlertClass, tuple[Severity, Severity, Severity, Severity]]
_COLUMNS: Final = (Level.CRITICAL, Level.WARNING_BINARY, Level.WARNING_UNARY, Level.OTHER)

_ANYBODY: Final[Cells] = {
    AlertClass.HW: (_CALL, _ERROR, _WARNING, _WARNING),
    AlertClass.TEMP: (_ERROR, _INFO, _INFO, _INFO),
    AlertClass.STOP: (_ERROR, _WARNING, _WARNING, _INFO),
    AlertClass.NEAR: (_ERROR, _WARNING, _WARNING, _INFO),
    AlertClass.INFO: (_ERROR, _INFO, _INFO, _INFO),
}
_FIELD_SERVICE: Final[Cells] = {
    AlertClass.HW: (_CALL, _CALL, _ERROR, _ERROR),
    AlertClass.TEMP: (_CALL, _WARNING, _WARNING, _INFO),
    AlertClass.STOP: (_CALL, _ERROR, _WARNING, _INFO),
    AlertClass.NEAR: (_CALL, _WARNING, _WARNING, _INFO),
    AlertClass.INFO: (_CALL, _WARNING, _INFO, _INFO),
}


def severity(kind: AlertClass, level: int, training: int) -> Severity:
    """The severity of an alert; a level that no standard knows counts as *other*.

    Args:
        kind: The class of its code.
        level: Its severity level, of `Level`.
        training: Its training level.
    """
    cells = _FIELD_SERVICE if training == FIELD_SERVICE else _ANYBODY
    column = _COLUMNS.index(Level(level)) if level in _COLUMNS else len(_COLUMNS) - 1
    return cells[kind][column]
