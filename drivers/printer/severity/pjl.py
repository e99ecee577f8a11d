"""What the status codes of PJL mean where a printer gives one as the place of an alert.

Brother's agents fill prtAlertLocation with the code that the printer's own language has for its
state (10001 ready, 40010 no toner). No place has such a number.

Sources: HP's PJL Technical Reference Manual, appendix D, for the families of codes; public
monitoring templates and walks of Brother printers for their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.report import Code, Severity


@dataclass(frozen=True, slots=True)
class PjlStatus:
    """The meaning of one PJL status code.

    Attributes:
        name: In words.
        code: In our vocabulary.
        severity: How severe it is.
    """

    name: str
    code: Code
    severity: Severity


CODES: Final = range(10_000, 60_000)
"""All that the language knows."""

_SINGLE: Final = {
    10006: PjlStatus("toner low", Code.SUPPLY_LOW, Severity.WARNING),
    10209: PjlStatus("toner low", Code.SUPPLY_LOW, Severity.WARNING),
    40000: PjlStatus("sleep", Code.NOTICE, Severity.INFO),
    40010: PjlStatus("no toner", Code.SUPPLY_EMPTY, Severity.ERROR),
    40021: PjlStatus("cover open", Code.COVER_OPEN, Severity.ERROR),
}
_FAMILIES: Final = {
    10: PjlStatus("information", Code.NOTICE, Severity.INFO),
    11: PjlStatus("paper, in the background", Code.MEDIA_EMPTY, Severity.WARNING),
    12: PjlStatus("a tray is open or lifting", Code.NOTICE, Severity.INFO),
    15: PjlStatus("an output bin is full", Code.OUTPUT_FULL, Severity.ERROR),
    30: PjlStatus("continues by itself", Code.ATTENTION, Severity.WARNING),
    32: PjlStatus("file system", Code.MEMORY_FAULT, Severity.WARNING),
    35: PjlStatus("intervention may be needed", Code.ATTENTION, Severity.WARNING),
    40: PjlStatus("intervention", Code.ATTENTION, Severity.ERROR),
    41: PjlStatus("paper", Code.MEDIA_EMPTY, Severity.ERROR),
    42: PjlStatus("jam", Code.MEDIA_JAM, Severity.ERROR),
    43: PjlStatus("external paper device", Code.ATTENTION, Severity.ERROR),
    44: PjlStatus("jam", Code.MEDIA_JAM, Severity.ERROR),
    50: PjlStatus("hardware", Code.HARDWARE_FAILURE, Severity.SERVICE_CALL),
    55: PjlStatus("personality", Code.ATTENTION, Severity.ERROR),
}
"""By the first two of their five digits."""


def pjl_status(code: int) -> PjlStatus | None:
    """What ``code`` means; ``None`` where it is none of the language's, or only of a job."""
    if code not in CODES:
        return None
    return _SINGLE.get(code) or _FAMILIES.get(code // 1000)
