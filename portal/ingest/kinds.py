"""The kinds of record and message that are stored by code of their own. Pure."""

from __future__ import annotations

from typing import Final

from cloud_link.records import (
    ClockRecord,
    ConfigurationRecord,
    DataRecord,
    EventRecord,
    GapRecord,
)
from cloud_link.wire import Lane

DATA: Final = "data"
EVENT: Final = "event"
CLOCK: Final = "clock"
GAP: Final = "gap"
CONFIGURATION: Final = "configuration"
TABLES: Final = "tables"
ONLINE: Final = "online"
KINDS: Final = (DATA, EVENT, CLOCK, GAP, CONFIGURATION, TABLES, ONLINE)

OF_RECORD: Final[dict[type, str]] = {
    DataRecord: DATA,
    EventRecord: EVENT,
    ClockRecord: CLOCK,
    GapRecord: GAP,
    ConfigurationRecord: CONFIGURATION,
}
OF_LANE: Final = {Lane.GAP: GAP, Lane.EVENT: EVENT, Lane.BOUNDARY: DATA, Lane.DATA: DATA}
"""What stands for a record that cannot be decoded."""
