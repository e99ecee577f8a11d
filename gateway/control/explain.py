"""Explains the conditions of a device: the next step of each, and its evidence. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drivers.driver import EvidenceKind
from drivers.report import Condition, Report
from drivers.report_json import utc_text
from gateway.control.next_steps import NEXT_STEPS

if TYPE_CHECKING:
    from drivers.device_url import DeviceUrl


def explanation(report: Report, url: DeviceUrl | None = None) -> dict[str, Any]:
    """The conditions of a report, gravest first, as JSON values.

    Args:
        report: The latest report of the device.
        url: Its URL, which says whether a profile gives evidence its meaning; ``None``: none does.

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
        "conditions": [_condition(condition, report, url) for condition in conditions],
    }


def _condition(condition: Condition, report: Report, url: DeviceUrl | None) -> dict[str, Any]:
    since = condition.since
    return {
        "code": condition.code.value,
        "severity": condition.severity.value,
        "component": condition.component,
        "since": None if since is None else utc_text(report.clock.utc_ms(since)),
        "for_s": None if since is None else max(0, report.at - since) // 1000,
        "message": condition.message,
        "next": NEXT_STEPS.get(condition.code, ""),
        "evidence": [_evidence(part, url) for part in condition.source.split("; ") if part],
    }


def _evidence(part: str, url: DeviceUrl | None) -> str:
    """Return evidence with the profile that gives it its meaning; other evidence as it is."""
    from drivers.registry import DRIVERS

    if url is None:
        return part
    kind = DRIVERS.get(url.scheme)
    profile = kind.evidence_profile(url, part) if isinstance(kind, EvidenceKind) else None
    return f"{part} -> profile {profile}" if profile else part
