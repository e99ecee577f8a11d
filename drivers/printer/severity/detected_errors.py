"""What the bits of hrPrinterDetectedErrorState mean, and how severe each is.

::

    octets      first            second                 length 0, 1 or 2
    bits        0 1 2 3 4 5 6 7  8 9 10 11 12 13 14     bit 0 is the highest of the first octet

They are octets, whatever they look like: one octet 0x20 is *low toner*, and a space.

Sources: RFC 2790 (hrPrinterDetectedErrorState) and RFC 3805 section 2.2.13.2; the severities are
ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from drivers.report import Code, Severity


@dataclass(frozen=True, slots=True)
class DetectedError:
    """The meaning of one bit.

    Attributes:
        bit: The bit's number.
        name: The standard's name.
        code: The condition code.
        severity: How severe it is; of *service requested* see `severity_of`.
        component: The kind of part, where the bit tells it.
    """

    bit: int
    name: str
    code: Code
    severity: Severity
    component: str = ""


SERVICE_REQUESTED: Final = 7
DETECTED_ERRORS: Final = (
    DetectedError(0, "lowPaper", Code.MEDIA_LOW, Severity.WARNING),
    DetectedError(1, "noPaper", Code.MEDIA_EMPTY, Severity.ERROR),
    DetectedError(2, "lowToner", Code.SUPPLY_LOW, Severity.WARNING),
    DetectedError(3, "noToner", Code.SUPPLY_EMPTY, Severity.ERROR),
    DetectedError(4, "doorOpen", Code.COVER_OPEN, Severity.ERROR),
    DetectedError(5, "jammed", Code.MEDIA_JAM, Severity.ERROR),
    DetectedError(6, "offline", Code.DEVICE_OFFLINE, Severity.WARNING),
    DetectedError(SERVICE_REQUESTED, "serviceRequested", Code.SERVICE_REQUESTED, Severity.WARNING),
    DetectedError(8, "inputTrayMissing", Code.TRAY_MISSING, Severity.WARNING, "input"),
    DetectedError(9, "outputTrayMissing", Code.TRAY_MISSING, Severity.WARNING, "output"),
    DetectedError(10, "markerSupplyMissing", Code.SUPPLY_MISSING, Severity.ERROR),
    DetectedError(11, "outputNearFull", Code.OUTPUT_NEAR_FULL, Severity.WARNING),
    DetectedError(12, "outputFull", Code.OUTPUT_FULL, Severity.ERROR),
    DetectedError(13, "inputTrayEmpty", Code.MEDIA_EMPTY, Severity.WARNING),
    DetectedError(14, "overduePreventMaint", Code.MAINTENANCE_DUE, Severity.WARNING),
)


DOWN: Final = 5
WARNING: Final = 3
"""The value of hrDeviceStatus; so is `DOWN`."""


def severity_of(error: DetectedError, device_status: int | None) -> Severity:
    """The severity of ``error`` while hrDeviceStatus is ``device_status``."""
    if error.bit != SERVICE_REQUESTED:
        return error.severity
    return {DOWN: Severity.SERVICE_CALL, WARNING: Severity.ERROR}.get(
        device_status or 0, error.severity
    )


def detected(octets: bytes) -> Iterator[DetectedError]:
    """The errors whose bits are set; bits and octets that no standard knows are left out."""
    for error in DETECTED_ERRORS:
        place, bit = divmod(error.bit, 8)
        if place < len(octets) and octets[place] & 0x80 >> bit:
            yield error
