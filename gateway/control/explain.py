"""Explains the conditions of a device: the next step of each, and its evidence. Pure."""

from __future__ import annotations

from typing import Any

from drivers.report import Condition, Report
from drivers.report_json import evidence_json, message_json, utc_text
from gateway.control.next_steps import next_step


def explanation(report: Report) -> dict[str, Any]:
    """The conditions of a report, the most severe first, as JSON values.

    Args:
        report: The latest report of the device.

    Returns:
        ``device``, ``at``, ``reachability``, ``state`` and ``conditions``; of each condition its
        fields in the report, how long it has been there, and ``next``: its own next step, else
        that of its code, ``""`` where none is known.
    """
    return {
        "device": report.device,
        "at": utc_text(report.clock.utc_ms(report.at)),
        "reachability": report.reachability.value,
        "state": report.state.value,
        "conditions": [_condition(condition, report) for condition in by_severity(report)],
    }


def by_severity(report: Report) -> list[Condition]:
    """The conditions of a report, the most severe first, then the oldest."""
    return sorted(report.conditions, key=lambda one: (one.severity.rank, one.since or 0))


def _condition(condition: Condition, report: Report) -> dict[str, Any]:
    since = condition.since
    return {
        "code": condition.code.value,
        "severity": condition.severity.value,
        "component": condition.component,
        "since": None if since is None else utc_text(report.clock.utc_ms(since)),
        "for_s": None if since is None else max(0, report.at - since) // 1000,
        **message_json("message", condition.message),
        **message_json("next", next_step(condition)),
        "evidence": [evidence_json(entry) for entry in condition.evidence],
    }
