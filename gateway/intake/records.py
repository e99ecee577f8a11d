"""Records that no device makes: what runs here, and what the boot's milliseconds mean."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final

from cloud_link.spool.model import Entry
from cloud_link.wire import ClockRecord, ConfigurationRecord, Lane, encode_record
from config.model import Configuration, canonical, digest

CONFIGURATION_KEY: Final = "configuration"
"""Under which the spool remembers the digest of the configuration it accepted last."""


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
