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
    _gauge("kanmon_uptime_seconds", "Time since the daemon started.", "seconds"),
    _gauge("kanmon_resident_memory_bytes", "Resident memory of the daemon.", "bytes"),
    _counter("kanmon_cpu_seconds_total", "Processor time that the daemon used.", "seconds"),
    _gauge("kanmon_clock_known", "Whether the clock is set.", _FLAG),
    _gauge(
        "kanmon_clock_synchronised", "Whether the clock is synchronised with a time source.", _FLAG
    ),
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
    _gauge("kanmon_device_conditions", "Active conditions.", "", "device", "severity"),
    _gauge("kanmon_device_report_age_seconds", "Age of the latest report.", "seconds", "device"),
    _gauge(
        "kanmon_device_failed_polls",
        "Failed polls since the last one that succeeded.",
        "",
        "device",
    ),
    _gauge(
        "kanmon_device_readings_left_out",
        "Readings that are not sent, because no portal accepts their name or resolution.",
        "",
        "device",
    ),
    _counter(
        "kanmon_device_values_replaced_total",
        "Values that were replaced, shortened or left out before they were sent.",
        "",
        "device",
    ),
    _counter(
        "kanmon_device_records_refused_total",
        "Records that could not be sent at all, and were reported to the portal as lost.",
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
        "Typical response time, as learned.",
        "seconds",
        "device",
    ),
    # Lines.
    _counter(
        "kanmon_line_polls_total", "Polls made, probes of silent devices included.", "", "line"
    ),
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
        "Devices that may stop answering before another one loses more than one sample.",
        "",
        "line",
    ),
    # The spool.
    _gauge("kanmon_spool_records", "Accepted records that are pending.", "", "lane"),
    _gauge("kanmon_spool_bytes", "Disk space that they use.", "bytes"),
    _gauge(
        "kanmon_spool_oldest_seconds",
        "Age of the oldest; no sample when none is pending, or it is from before this boot.",
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
    _gauge(
        "kanmon_spool_retained_records",
        "Acknowledged records that are kept for a portal that is restored from a backup.",
        "",
        "lane",
    ),
    _gauge("kanmon_spool_retained_bytes", "Disk space that they use, about.", "bytes"),
    _gauge("kanmon_spool_unannounced_gaps", "Gaps that have not become records yet."),
    _gauge("kanmon_spool_refusing", "Whether writing to the spool failed last.", _FLAG),
    _gauge("kanmon_disk_free_bytes", "Free space on the file system of the spool.", "bytes"),
    # The link to the portal.
    _gauge("kanmon_cloud_connected", "Whether there is a session with the broker.", _FLAG),
    _gauge("kanmon_cloud_connected_seconds", "Duration of the session.", "seconds"),
    _gauge(
        "kanmon_cloud_acknowledgement_age_seconds",
        "Time since the portal's last acknowledgement; no sample before the first one.",
        "seconds",
    ),
    _gauge("kanmon_cloud_in_flight_records", "Records sent and not acknowledged yet."),
    _counter(
        "kanmon_cloud_delivered_records_total",
        "Records that the portal has acknowledged, since the uplink was set up.",
    ),
)
"""In the order in which they are shown and documented."""
