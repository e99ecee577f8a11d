"""What is wrong with a device or with the gateway itself, where the device has no words of its own.

A template that is named as a code says that code in words and nothing else, so that a page need not
show it beside the code. `PLACED` adds what people call the part.
"""

from __future__ import annotations

from typing import Final

from console.text import Template

PLACED: Final = Template("condition.placed", "{what}: {place}")
TEXT_TOO_LONG: Final = Template(
    "condition.text_too_long", "the gateway sent {n} characters here, which is too long to be shown"
)

# --- printers -----------------------------------------------------------------------------------

MEDIA_JAM: Final = Template("condition.media_jam", "paper jam")
MEDIA_EMPTY: Final = Template("condition.media_empty", "out of paper")
MEDIA_LOW: Final = Template("condition.media_low", "paper is running low")
MEDIA_MISMATCH: Final = Template(
    "condition.media_mismatch", "the loaded paper does not match the job"
)
OUTPUT_FULL: Final = Template("condition.output_full", "the output tray is full")
OUTPUT_NEAR_FULL: Final = Template("condition.output_near_full", "the output tray is nearly full")
TRAY_MISSING: Final = Template("condition.tray_missing", "a tray is missing")
SUPPLY_LOW: Final = Template("condition.supply_low", "a supply is running low")
SUPPLY_EMPTY: Final = Template("condition.supply_empty", "a supply is empty")
SUPPLY_MISSING: Final = Template("condition.supply_missing", "a supply is missing")
WASTE_NEAR_FULL: Final = Template("condition.waste_near_full", "the waste container is nearly full")
WASTE_FULL: Final = Template("condition.waste_full", "the waste container is full")
COVER_OPEN: Final = Template("condition.cover_open", "a cover is open")
MAINTENANCE_DUE: Final = Template("condition.maintenance_due", "maintenance is due")
SERVICE_REQUESTED: Final = Template("condition.service_requested", "the printer requests service")
HARDWARE_FAILURE: Final = Template("condition.hardware_failure", "a part has failed")
TEMPERATURE_HIGH: Final = Template("condition.temperature_high", "the temperature is too high")
TEMPERATURE_LOW: Final = Template("condition.temperature_low", "the printer is warming up")
MEMORY_FAULT: Final = Template("condition.memory_fault", "memory or storage has failed or is full")
DEVICE_OFFLINE: Final = Template("condition.device_offline", "the printer is offline")
ATTENTION: Final = Template("condition.attention", "the printer requests attention")
NOTICE: Final = Template("condition.notice", "the printer reports a notice")
UNEXPLAINED: Final = Template(
    "condition.unexplained", "the printer requests attention without giving a reason"
)
ALERT: Final = Template("condition.alert", "the printer reports: {name}")

# --- every device -------------------------------------------------------------------------------

OTHER_MODEL: Final = Template(
    "condition.other_model", "the device that answers is not the configured model, {maker} {model}"
)
OTHER_DEVICE: Final = Template(
    "condition.other_device", "a device with another serial number answers at this address"
)
UNANSWERED: Final = Template("condition.unanswered", "{what}: {why}")
INTERNAL_ERROR: Final = Template(
    "condition.internal_error", "reading the device failed because of an internal error"
)
LINE_OVERLOADED: Final = Template(
    "condition.line_overloaded",
    "the line is overloaded: the device is polled less often than configured",
)
DATA_NOT_SENT: Final = Template(
    "condition.data_not_sent",
    "some of the device's data cannot be sent to the portal",
)

# --- the gateway --------------------------------------------------------------------------------

NO_TIME: Final = Template(
    "condition.no_time",
    "the gateway's clock is not set: readings are stored and get their time once it is set",
)
SPOOL_NOT_WRITABLE: Final = Template(
    "condition.spool_not_writable", "the spool cannot be written: new readings are lost and counted"
)
RECORDS_DROPPED: Final = Template(
    "condition.records_dropped", "the spool reached its limit and dropped its oldest records"
)
DISK_ALMOST_FULL: Final = Template(
    "condition.disk_almost_full", "the gateway's disk is almost full"
)
CERTIFICATE_EXPIRING: Final = Template(
    "condition.certificate_expiring", "the gateway's certificate expires on {day}"
)
CERTIFICATE_EXPIRED: Final = Template(
    "condition.certificate_expired", "the gateway's certificate expired on {day}"
)

# --- what did not fit a message -----------------------------------------------------------------

LONG_MESSAGE: Final = Template(
    "condition.long_message",
    "a text of {n} characters was too long to be sent; `kanmon device why` shows it",
)
