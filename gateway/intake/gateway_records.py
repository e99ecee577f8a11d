"""Records of no device: the running configuration, and what the milliseconds since boot mean."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import structlog

from cloud_link.records import (
    ClockRecord,
    ConfigurationRecord,
    WireError,
    encode_record,
)
from cloud_link.spool.model import Entry, SpoolError
from cloud_link.wire import Lane
from config.model import Configuration, canonical, digest

if TYPE_CHECKING:
    from cloud_link.spool.writer import SpoolWriter

CONFIGURATION_KEY: Final = "configuration"
"""The spool remembers the digest of the configuration it accepted last by this key."""

log = structlog.get_logger("kanmon.records")


def configuration_entry(configuration: Configuration, at: int, author: str) -> Entry:
    """Return the record of the running configuration; raises `WireError` if it is too large."""
    record = ConfigurationRecord(
        at, digest(configuration), author, zlib.compress(canonical(configuration), 9)
    )
    return Entry(lane=Lane.EVENT, body=encode_record(record), at=at, readings=0)


def clock_entry(record: ClockRecord, at: int) -> Entry:
    """Return the record of a clock offset that became known, or changed."""
    return Entry(lane=Lane.EVENT, body=encode_record(record), at=at, readings=0)


def baseline_records(
    configuration: Configuration, clocks: Sequence[ClockRecord], at: int, author: str
) -> Sequence[Entry]:
    """Return the records to append again after records were dropped: they may be among those."""
    known = (clock_entry(clock, at) for clock in clocks)
    return (*known, configuration_entry(configuration, at, author))


async def record_configuration(
    spool: SpoolWriter, configuration: Configuration, at: int, author: str
) -> None:
    """Append the record of the running configuration, unless it was the last one accepted.

    A spool that refuses it, and a configuration that is too large, are logged.
    """
    name = digest(configuration)
    try:
        if await spool.call(lambda opened: opened.recall(CONFIGURATION_KEY)) == name:
            return
        await spool.append([configuration_entry(configuration, at, author)])
        # Not in one transaction: a stop in between repeats the record, which does no harm.
        await spool.call(lambda opened: opened.remember(CONFIGURATION_KEY, name))
    except (SpoolError, WireError) as error:
        log.error("configuration_record_failed", error=str(error))
