"""Records that no device makes: what runs here, and what the boot's milliseconds mean."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import structlog

from cloud_link.spool.model import Entry, SpoolError
from cloud_link.wire import ClockRecord, ConfigurationRecord, Lane, WireError, encode_record
from config.model import Configuration, canonical, digest

if TYPE_CHECKING:
    from cloud_link.spool.writer import SpoolWriter

CONFIGURATION_KEY: Final = "configuration"
"""Under which the spool remembers the digest of the configuration it accepted last."""

log = structlog.get_logger("kanmon.records")


def configuration_entry(configuration: Configuration, at: int, author: str) -> Entry:
    """The record of the configuration that now runs; raises `WireError` if it cannot travel."""
    record = ConfigurationRecord(
        at, digest(configuration), author, zlib.compress(canonical(configuration), 9)
    )
    return Entry(lane=Lane.EVENT, body=encode_record(record), at=at, readings=0)


def clock_entry(record: ClockRecord, at: int) -> Entry:
    """The record of an offset that became known, or changed."""
    return Entry(lane=Lane.EVENT, body=encode_record(record), at=at, readings=0)


def standing(
    configuration: Configuration, clock: ClockRecord | None, at: int, author: str
) -> Sequence[Entry]:
    """What must be said again after anything was dropped, since it may be that."""
    known = () if clock is None else (clock_entry(clock, at),)
    return (*known, configuration_entry(configuration, at, author))


async def record_configuration(
    spool: SpoolWriter, configuration: Configuration, at: int, author: str
) -> None:
    """Append the record of the configuration that now runs, unless it was the last one accepted.

    A spool that refuses it, and a configuration that cannot travel, are logged.
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
