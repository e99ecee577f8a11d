"""The walks that printers' reports are tested with.

``tests/walks/<name>/`` holds walks that we wrote, of printers that do not exist, each with the
report that was looked at line by line. Walks of real printers are not ours to keep: where a folder
of them is beside the project (or `KANMON_WALKS` names one), their reports are compared with those
in ``tests/walks/real``, from which serial numbers and addresses are taken out.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from drivers.report import Report
from drivers.report_json import dumps, to_json
from protocols.snmp.snmprec import Walk

FOLDER: Final = Path(__file__).parent / "walks"
REAL: Final = Path(
    os.environ.get("KANMON_WALKS", Path(__file__).parents[2] / "shared" / "walks")
).resolve()
REPORTS: Final = FOLDER / "real"
SYNTHETIC: Final = sorted(path.parent.name for path in FOLDER.glob("*/walk.snmprec"))
_DAMAGED: Final = {"okilan_9450g": "|65|6git3159"}
"""Lines of recordings that are no variables: a counter with letters in it."""


def synthetic(name: str) -> Walk:
    """A walk that we wrote."""
    return Walk.parse((FOLDER / name / "walk.snmprec").read_text("utf-8"))


def real_text(name: str) -> str:
    """A walk of a real printer, as a file holds it, without lines that are damaged."""
    text = (REAL / f"{name}.snmprec").read_text("utf-8")
    damage = _DAMAGED.get(name)
    lines = text.split("\n")
    return "\n".join(line for line in lines if damage is None or not line.endswith(damage))


def real(name: str) -> Walk:
    """A walk of a real printer."""
    return Walk.parse(real_text(name))


def text_of(report: Report) -> str:
    """The report as a file holds it."""
    return dumps(to_json(report), indent=1) + "\n"


def masked(report: Report) -> Report:
    """The report of a real printer without what tells which one it is."""
    identity = report.identity
    kept = replace(
        identity,
        serial="masked" if identity.serial else "",
        mac="00:00:5e:00:53:00" if identity.mac else "",
    )
    return replace(report, identity=kept)
