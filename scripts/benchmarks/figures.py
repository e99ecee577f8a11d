"""A figure, the machine it was measured on, and the page they are written to."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class NotMeasuredError(Exception):
    """A group cannot be measured here; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure.

    Attributes:
        name: What was measured.
        value: In words, with its unit.
        aim: What it should be; ``""`` for a figure without one.
        met: Whether it is; ``None`` without an aim.
        gate: Whether it must be: `scripts/bench` fails where it is not.
    """

    name: str
    value: str
    aim: str = ""
    met: bool | None = None
    gate: bool = False


def machine() -> str:
    """The machine in one line."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    model = names[0] if names else platform.machine()
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def page(groups: Sequence[tuple[str, Sequence[Figure]]]) -> str:
    """``docs/benchmarks.md``."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `scripts/bench --write`; figures beside an aim say whether it is met. Ratios",
        "compare two things in one run on one machine; absolute times are this machine's.",
        "",
        f"- Machine: {machine()}",
        f"- Date: {datetime.now(UTC):%Y-%m-%d}",
        "- Command: `scripts/bench --write`",
    ]
    for title, figures in groups:
        lines += [
            "",
            f"## {title}",
            "",
            "| Figure | Measured | Aim | Met |",
            "| --- | --- | --- | --- |",
        ]
        for one in figures:
            met = "" if one.met is None else "yes" if one.met else "**no**"
            lines.append(f"| {one.name} | {one.value} | {one.aim} | {met} |")
    return "\n".join(lines) + "\n"


def show(title: str, figures: Sequence[Figure]) -> None:
    """Print a group as it is done."""
    print(f"\n{title}")
    for one in figures:
        met = "" if one.met is None else "  (met)" if one.met else "  (NOT met)"
        aim = f"  aim {one.aim}{met}" if one.aim else ""
        print(f"  {one.name:<58} {one.value}{aim}")
    sys.stdout.flush()
