"""Records of no device: the running configuration, and what the milliseconds since boot mean."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import structlog

from cloud_link.records import ClockRecord, ConfigurationRecord, WireError
from cloud_link.spool.model import Entry, SpoolError
from cloud_link.validation import sendable
from config.model import Configuration, canonical, digest
from gateway.intake.entries import record_entry

if TYPE_CHECKING:
    from cloud_link.spool.writer import SpoolWriter

CONFIGURATION_KEY: Final = "configuration"
"""The spool remembers the digest of the configuration it accepted last by this key."""

log = structlog.get_logger("kanmon.records")


def configuration_record(configuration: Configuration, at: int, author: str) -> ConfigurationRecord:
    """Return the record of a configuration; it may be too large to be sent."""
    document = zlib.compress(canonical(configuration), 9)
    return ConfigurationRecord(at, digest(configuration), author, document)


def is_sendable(configuration: Configuration) -> bool:
    """Whether a configuration fits a record."""
    try:
        sendable(configuration_record(configuration, 0, ""))
    except WireError:
        return False
    return True


def clock_entry(record: ClockRecord, at: int) -> Entry:
    """Return the entry of a clock offset that became known, or changed."""
    return _entry(record, at)


def _entry(record: ClockRecord | ConfigurationRecord, at: int) -> Entry:
    """Return the entry of a record; one that a portal would refuse is announced as lost."""
    made = record_entry(record, at)
    if made.refusal:
        log.error("record_refused", kind=type(record).__name__, error=made.refusal)
    return made.entry


def baseline_records(
    configuration: Configuration, clocks: Sequence[ClockRecord], at: int, author: str
) -> Sequence[Entry]:
    """Return the records to append again after records were dropped: they may be among those."""
    known = (clock_entry(clock, at) for clock in clocks)
    return (*known, _entry(configuration_record(configuration, at, author), at))


async def record_configuration(
    spool: SpoolWriter, configuration: Configuration, at: int, author: str
) -> bool:
    """Append the record of the running configuration, unless it was the last one offered.

    Returns:
        Whether a portal can have it; one that is too large for a record is announced as lost.
    """
    name = digest(configuration)
    try:
        if await spool.call(lambda opened: opened.recall(CONFIGURATION_KEY)) == name:
            return is_sendable(configuration)
        entry = _entry(configuration_record(configuration, at, author), at)
        await spool.append([entry])
        # Not in one transaction: a stop in between repeats the record, which does no harm.
        await spool.call(lambda opened: opened.remember(CONFIGURATION_KEY, name))
    except SpoolError as error:
        log.error("configuration_record_failed", error=str(error))
        return True
    return not entry.refused
