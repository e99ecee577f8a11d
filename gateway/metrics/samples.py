"""The values of the metrics now: those that `kanmon status` and `kanmon bus` show, too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from drivers.report import Reachability, Severity, State
from gateway.control.protocol import ControlError
from gateway.health.health import process_figures
from gateway.version import software

if TYPE_CHECKING:
    from drivers.report import Report
    from gateway.clock import BoxClock
    from gateway.polling.line_poller import LineCounts


class StatusSource(Protocol):
    """The values that the control socket serves, as `gateway.control.status.StatusCommands`."""

    async def outbox(self) -> Mapping[str, Any]:
        """The spool; raises `ControlError` where it cannot be read."""

    async def devices(self) -> Sequence[Mapping[str, Any]]:
        """Every configured device with its latest state."""

    async def bus(self) -> Sequence[Mapping[str, Any]]:
        """Every line that devices can share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsView:
    """What the metrics read of the running gateway.

    Attributes:
        box: The box id.
        started_at: When the daemon began, milliseconds since boot.
        clock: The box's clocks.
        status: What the control socket serves.
        reports: The latest report of each device, by name.
        polls: The polls of each line, by its key.
        refusing: Whether the spool refused the last records.
        link: The link's state, as JSON values.
    """

    box: str
    started_at: int
    clock: BoxClock
    status: StatusSource
    reports: Mapping[str, Report]
    polls: Callable[[], Mapping[str, LineCounts]]
    refusing: Callable[[], bool]
    link: Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric, with the values of its labels in the order of the table."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


async def collect(view: MetricsView) -> list[Sample]:
    """Every sample there is of this moment."""
    outbox: Mapping[str, Any] | None = None
    with suppress(ControlError):
        outbox = await view.status.outbox()
    return [
        *_process(view),
        *_devices(await view.status.devices(), view.reports),
        *_polls(view.polls()),
        *_lines(await view.status.bus()),
        *_spool(outbox, refusing=view.refusing()),
        *_cloud(view.link()),
    ]


def _process(view: MetricsView) -> Iterator[Sample]:
    process = process_figures(view.started_at, view.clock.now())
    yield Sample("kanmon_build_info", 1, (software(), view.box))
    yield Sample("kanmon_uptime_seconds", process.uptime_s)
    yield Sample("kanmon_resident_memory_bytes", process.resident)
    yield Sample("kanmon_cpu_seconds_total", process.cpu_ms / 1000)
    yield Sample("kanmon_clock_known", view.clock.clock().offset is not None)
    yield Sample("kanmon_clock_synchronised", view.clock.synchronised)


def _devices(
    devices: Sequence[Mapping[str, Any]], reports: Mapping[str, Report]
) -> Iterator[Sample]:
    reachable = Counter(device["reachability"] for device in devices)
    for reachability in Reachability:
        yield Sample("kanmon_devices", reachable[reachability.value], (reachability.value,))
    states = Counter(device["state"] for device in devices)
    for state in State:
        yield Sample("kanmon_devices_in_state", states[state.value], (state.value,))
    yield Sample("kanmon_devices_refused", sum(bool(device["problem"]) for device in devices))
    for device in devices:
        name, reached = device["name"], device["reachability"]
        if reached != Reachability.NEVER or device["reported_s"] is not None:
            heard = reached in {Reachability.ONLINE, Reachability.SILENT_AS_EXPECTED}
            yield Sample("kanmon_device_reachable", heard, (name,))
        if device["reported_s"] is not None:
            yield Sample("kanmon_device_report_age_seconds", device["reported_s"], (name,))
        not_sent = device["not_sent"]
        yield Sample("kanmon_device_readings_left_out", not_sent["left_out"], (name,))
        yield Sample("kanmon_device_values_replaced_total", not_sent["replaced"], (name,))
        yield Sample("kanmon_device_records_refused_total", not_sent["refused"], (name,))
        report = reports.get(name)
        if report is not None:
            grave = Counter(condition.severity for condition in report.conditions)
            for severity in Severity:
                labels = (name, severity.value)
                yield Sample("kanmon_device_conditions", grave[severity], labels)


def _polls(lines: Mapping[str, LineCounts]) -> Iterator[Sample]:
    for line, counts in sorted(lines.items()):
        yield Sample("kanmon_line_polls_total", counts.polls, (line,))
        yield Sample("kanmon_line_polls_failed_total", counts.failed, (line,))
        yield Sample("kanmon_line_polls_missed_total", counts.missed, (line,))


_OUTCOMES = {
    "responses": "response",
    "error_responses": "error_response",
    "timeouts": "timeout",
    "invalid_responses": "invalid_response",
}


def _lines(lines: Sequence[Mapping[str, Any]]) -> Iterator[Sample]:
    for line in lines:
        labels = (line["line"],)
        known = {
            "kanmon_line_busy_seconds_total": line["busy_s"],
            "kanmon_line_utilization_predicted_ratio": line["predicted_utilization"],
            "kanmon_line_holds_with_dead_devices": line["holds_with"],
        }
        if line["open_s"]:
            known["kanmon_line_utilization_ratio"] = line["busy_s"] / line["open_s"]
        yield from _known(known, labels)
        for device in line["devices"]:
            name = device["name"]
            for key, outcome in _OUTCOMES.items():
                yield Sample("kanmon_device_requests_total", device[key], (name, outcome))
            yield Sample("kanmon_device_failed_polls", device["failures"], (name,))
            yield from _known({"kanmon_device_response_seconds": device["delay_s"]}, (name,))


def _spool(outbox: Mapping[str, Any] | None, *, refusing: bool) -> Iterator[Sample]:
    yield Sample("kanmon_spool_refusing", refusing or outbox is None or outbox["full"])
    if outbox is None:
        return
    for lane, count in outbox["waiting"].items():
        yield Sample("kanmon_spool_records", count, (lane,))
    for lane, count in outbox["dropped"].items():
        yield Sample("kanmon_spool_dropped_records_total", count, (lane,))
    for lane, count in outbox["retained"].items():
        yield Sample("kanmon_spool_retained_records", count, (lane,))
    yield from _known(
        {
            "kanmon_spool_retained_bytes": outbox["retained_bytes"],
            "kanmon_spool_bytes": outbox["bytes"],
            "kanmon_spool_oldest_seconds": outbox["oldest_s"],
            "kanmon_spool_rejected_records_total": outbox["rejected"],
            "kanmon_spool_unannounced_gaps": outbox["unannounced_gaps"],
            "kanmon_disk_free_bytes": outbox["disk_free"],
        }
    )


def _cloud(link: Mapping[str, Any]) -> Iterator[Sample]:
    yield Sample("kanmon_cloud_connected", link["connected"])
    yield from _known(
        {
            "kanmon_cloud_connected_seconds": link.get("connected_s"),
            "kanmon_cloud_acknowledgement_age_seconds": link.get("last_ack_s"),
            "kanmon_cloud_in_flight_records": link.get("in_flight_records"),
            "kanmon_cloud_delivered_records_total": link.get("delivered"),
        }
    )


def _known(values: Mapping[str, float | None], labels: tuple[str, ...] = ()) -> Iterator[Sample]:
    """Return those of the samples whose value is known."""
    return (Sample(name, value, labels) for name, value in values.items() if value is not None)
