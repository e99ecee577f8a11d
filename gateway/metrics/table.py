"""The documented set of the gateway's metrics: every name, once. Pure.

Names follow Prometheus' conventions: base units, ``_total`` for counters, ``_info`` for constants.
Labels are bounded: devices and lines come from the configuration, everything else from closed
vocabularies. A value that is not known has no sample, and is never 0.

Source: Prometheus, "Metric and label naming".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric.

    Attributes:
        kind: ``counter``: since the daemon began, or the spool, as ``meaning`` says.
        unit: In words of the documentation; ``""`` for a plain number.
        labels: Their names, in the order of a sample's values.
    """

    name: str
    kind: Literal["gauge", "counter"]
    meaning: str
    unit: str = ""
    labels: tuple[str, ...] = ()


def _gauge(name: str, meaning: str, unit: str = "", *labels: str) -> Metric:
    return Metric(name=name, kind="gauge", meaning=meaning, unit=unit, labels=labels)


def _counter(name: str, meaning: str, unit: str = "", *labels: str) -> Metric:
    return Metric(name=name, kind="counter", meaning=meaning, unit=unit, labels=labels)


_FLAG: Final = "0 or 1"
METRICS: Final = (
    # The process and its clock.
    _gauge(
        "kanmon_build_info", "Always 1; which software runs on which box.", "", "version", "box"
    ),
    _gauge("kanmon_uptime_seconds", "Since the daemon began.", "seconds"),
    _gauge("kanmon_resident_memory_bytes", "Memory that the daemon holds.", "bytes"),
    _counter("kanmon_cpu_seconds_total", "Time of a processor that the daemon used.", "seconds"),
    _gauge("kanmon_clock_known", "Whether it is known what time it is.", _FLAG),
    _gauge("kanmon_clock_synchronised", "Whether a time source vouches for the clock.", _FLAG),
    # Devices.
    _gauge("kanmon_devices", "Configured devices by reachability.", "", "reachability"),
    _gauge("kanmon_devices_in_state", "Configured devices by state, as last read.", "", "state"),
    _gauge("kanmon_devices_refused", "Configured devices that cannot be polled at all."),
    _gauge(
        "kanmon_device_reachable",
        "Whether it answers, or is silent as its profile expects; no sample before the first poll.",
        _FLAG,
        "device",
    ),
    _gauge("kanmon_device_conditions", "Conditions that are there now.", "", "device", "severity"),
    _gauge(
        "kanmon_device_report_age_seconds", "Since its latest report was made.", "seconds", "device"
    ),
    _gauge(
        "kanmon_device_failed_polls",
        "Failed polls since the last one that succeeded.",
        "",
        "device",
    ),
    _counter(
        "kanmon_device_requests_total",
        "Requests to its unit by outcome: response, error_response (an exception), timeout, "
        "invalid_response (checksum or form). Only on lines that devices can share.",
        "",
        "device",
        "outcome",
    ),
    _gauge(
        "kanmon_device_response_seconds",
        "What it typically takes to answer, as learned.",
        "seconds",
        "device",
    ),
    # Lines.
    _counter("kanmon_line_polls_total", "Polls made.", "", "line"),
    _counter("kanmon_line_polls_failed_total", "Polls that had no answer.", "", "line"),
    _counter(
        "kanmon_line_polls_missed_total", "Samples whose time passed without a poll.", "", "line"
    ),
    _counter(
        "kanmon_line_busy_seconds_total",
        "Time the line was in use, silences included.",
        "seconds",
        "line",
    ),
    _gauge(
        "kanmon_line_utilization_ratio",
        "Share of its time in use since it was opened.",
        "0 to 1",
        "line",
    ),
    _gauge(
        "kanmon_line_utilization_predicted_ratio",
        "Share of its time that the schedule needs; only of serial lines.",
        "0 to 1 and above",
        "line",
    ),
    _gauge(
        "kanmon_line_holds_with_dead_devices",
        "So many devices may die before a healthy one loses more than one sample.",
        "",
        "line",
    ),
    # The spool.
    _gauge("kanmon_spool_records", "Accepted records that wait for the portal.", "", "lane"),
    _gauge("kanmon_spool_bytes", "Disk that they take.", "bytes"),
    _gauge(
        "kanmon_spool_oldest_seconds",
        "Age of the oldest; no sample when none waits, or it is from before this boot.",
        "seconds",
    ),
    _counter(
        "kanmon_spool_dropped_records_total",
        "Records lost to the cap, a full disk or damage, since the spool began.",
        "",
        "lane",
    ),
    _counter(
        "kanmon_spool_rejected_records_total",
        "Records that the portal put into quarantine, since the spool began.",
    ),
    _gauge("kanmon_spool_unannounced_gaps", "Gaps that have not become records yet."),
    _gauge("kanmon_spool_refusing", "Whether it takes nothing now.", _FLAG),
    _gauge("kanmon_disk_free_bytes", "Free on the file system of the spool.", "bytes"),
    # The way to the portal.
    _gauge("kanmon_cloud_connected", "Whether there is a session with the broker.", _FLAG),
    _gauge("kanmon_cloud_connected_seconds", "Since it began.", "seconds"),
    _gauge(
        "kanmon_cloud_acknowledgement_age_seconds",
        "Since the portal's last acknowledgement; no sample before the first one.",
        "seconds",
    ),
    _gauge("kanmon_cloud_in_flight_records", "Sent and not acknowledged yet."),
    _counter(
        "kanmon_cloud_delivered_records_total",
        "Records that the portal has acknowledged, since the uplink was set up.",
    ),
)
"""In the order in which they are shown and documented."""
