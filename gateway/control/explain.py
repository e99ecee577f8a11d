"""Explains the conditions of a device: the next step of each, and its evidence. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from drivers.report import Condition, Report
from drivers.report_json import utc_text
from gateway.control.next_steps import NEXT_STEPS

_REGISTER: Final = re.compile(r"(coil|discrete|input|holding) \d+ = ")
"""How evidence of Modbus devices begins (`drivers.modbus.status`)."""


def explanation(report: Report, profile: str = "") -> dict[str, Any]:
    """The conditions of a report, gravest first, as JSON values.

    Args:
        report: The latest report of the device.
        profile: The name of its profile, which gives its registers their meaning; ``""``: none.

    Returns:
        ``device``, ``at``, ``reachability``, ``state`` and ``conditions``; of each condition its
        fields in the report, ``next`` (``""`` where no step is known) and ``evidence``: a list of
        texts, each a value with how it was read.
    """
    conditions = sorted(report.conditions, key=lambda c: (c.severity.rank, c.since or 0))
    return {
        "device": report.device,
        "at": utc_text(report.clock.utc_ms(report.at)),
        "reachability": report.reachability.value,
        "state": report.state.value,
        "conditions": [_condition(condition, report, profile) for condition in conditions],
    }


def _condition(condition: Condition, report: Report, profile: str) -> dict[str, Any]:
    since = condition.since
    return {
        "code": condition.code.value,
        "severity": condition.severity.value,
        "component": condition.component,
        "since": None if since is None else utc_text(report.clock.utc_ms(since)),
        "for_s": None if since is None else max(0, report.at - since) // 1000,
        "message": condition.message,
        "next": NEXT_STEPS.get(condition.code, ""),
        "evidence": [_evidence(part, profile) for part in condition.source.split("; ") if part],
    }


def _evidence(part: str, profile: str) -> str:
    """A register's value with the profile that gives it its meaning; other evidence as it is."""
    return f"{part} -> profile {profile}" if profile and _REGISTER.match(part) else part
