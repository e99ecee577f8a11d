"""The spool's statistics in the gateway's own report, and in `kanmon status` and `outbox`."""

from __future__ import annotations

from typing import Any

from cloud_link.spool.model import MEBIBYTE, SpoolLimits, SpoolStats
from cloud_link.wire import Lane
from config.model import Configuration
from gateway.health.health import SpoolFigures


def spool_limits(configuration: Configuration) -> SpoolLimits:
    """Return the configured limits of the spool's disk space."""
    spool = configuration.spool
    return SpoolLimits(
        cap_bytes=spool.cap_mb * MEBIBYTE,
        gap_reserve_bytes=spool.gap_reserve_mb * MEBIBYTE,
        reserve_file_bytes=spool.reserve_file_mb * MEBIBYTE,
        retained_bytes=spool.retained_mb * MEBIBYTE,
        retained_ms=spool.retained_h * 3_600_000,
    )


def spool_figures(stats: SpoolStats | None, boot: bytes, *, refusing: bool) -> SpoolFigures:
    """Return the spool's figures for the gateway's own report.

    Args:
        stats: The spool's statistics; ``None`` when they could not be read.
        boot: This boot: the age of a record from an earlier one is not known.
        refusing: Whether the last append was refused.
    """
    if stats is None:
        return SpoolFigures(refusing=True)
    oldest = stats.oldest
    return SpoolFigures(
        records={lane.name.lower(): stats.records.get(lane, 0) for lane in Lane},
        dropped={lane.name.lower(): stats.dropped.get(lane, 0) for lane in Lane},
        bytes=stats.bytes,
        rejected=stats.rejected,
        oldest_at=oldest[1] if oldest and oldest[0] == boot else None,
        disk_free=stats.disk_free,
        refusing=refusing or stats.full,
    )


def outbox(stats: SpoolStats, boot: bytes, now: int) -> dict[str, Any]:
    """Return pending and dropped records, and the age of the oldest one, as JSON values.

    Args:
        stats: The spool's statistics.
        boot: The first bytes of the id of this boot.
        now: The present, milliseconds since boot.
    """
    oldest = stats.oldest
    return {
        "epoch": stats.epoch.hex(),
        "next": {lane.name.lower(): stats.next.get(lane, 0) for lane in Lane},
        "accepted": {lane.name.lower(): stats.accepted.get(lane, 0) for lane in Lane},
        "waiting": {lane.name.lower(): stats.records.get(lane, 0) for lane in Lane},
        "dropped": {lane.name.lower(): stats.dropped.get(lane, 0) for lane in Lane},
        "rejected": stats.rejected,
        "retained": {lane.name.lower(): stats.retained.get(lane, 0) for lane in Lane},
        "retained_bytes": stats.retained_bytes,
        "bytes": stats.bytes,
        "disk_free": stats.disk_free,
        "full": stats.full,
        "unannounced_gaps": stats.open_gaps,
        "oldest_s": (now - oldest[1]) // 1000 if oldest and oldest[0] == boot else None,
        "older_than_this_boot": oldest is not None and oldest[0] != boot,
    }
