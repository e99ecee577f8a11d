"""Prints the explanation of a device's conditions for a person on a console."""

from __future__ import annotations

from collections.abc import Sequence

from console import language, vocabulary
from console.language import tr
from console.output import left, plain_line, width
from drivers.report import Condition, Evidence, Report
from drivers.report_json import utc_text
from gateway.cli import words
from gateway.cli.common import say
from gateway.control.explain import by_severity
from gateway.control.next_steps import next_step

VALUE_CELLS = 10
"""Cells up to which values are aligned; a longer one only moves what follows it."""


def show(report: Report) -> None:
    """Print why a device is shown as it is: its conditions, their next steps and evidence."""
    device = words.device(report.device, report.reachability.value, report.state.value)
    say(device)
    if not report.conditions:
        say(tr(words.NOTHING_WRONG))
    for condition in by_severity(report):
        _show(condition, report)


def _show(condition: Condition, report: Report) -> None:
    say("", words.condition(condition))
    rows = [(tr("since: "), _since(condition, report))]
    step = next_step(condition)
    if step:
        rows.append((tr("next: "), language.sentence(step)))
    cells = max(width(label) for label, _ in rows)
    for label, text in rows:
        say(f"  {left(label, cells)}{text}")
    if condition.evidence:
        say("  " + tr("evidence:"))
        for line in _lines([_fields(entry) for entry in condition.evidence]):
            say(f"    {line}")


def _fields(entry: Evidence) -> list[str]:
    """Kind, name, place, value and meaning of one entry."""
    profile = tr("profile {name}", name=entry.profile) if entry.profile else ""
    meaning = words.listed(language.words(entry.meaning), profile)
    kind = language.words(vocabulary.word(vocabulary.EVIDENCE_KINDS, entry.kind.value))
    return [plain_line(one) for one in (kind, entry.label, entry.address, entry.value, meaning)]


def _lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows below their headings; every field is in one piece."""
    table = [[tr(heading) for heading in words.EVIDENCE_HEADINGS], *rows]
    used = [number for number in range(len(table[0])) if any(row[number] for row in rows)]
    cells = [max(width(row[number]) for row in table) for number in range(len(table[0]))]
    cells[3] = min(cells[3], max(VALUE_CELLS, width(table[0][3])))
    return [
        "  ".join(row[n] + " " * max(0, cells[n] - width(row[n])) for n in used).rstrip()
        for row in table
    ]


def _since(condition: Condition, report: Report) -> str:
    since = condition.since
    if since is None:
        return tr(words.BEFORE_START)
    for_s = max(0, report.at - since) // 1000
    if not for_s:
        return tr(words.JUST_SEEN)
    at = utc_text(report.clock.utc_ms(since))
    age = words.age(for_s)
    return tr("{at} ({age})", at=at, age=age) if at else age
