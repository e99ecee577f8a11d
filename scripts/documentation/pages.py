"""Every file of docs/ that is made from code, and what makes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

from scripts.documentation import manuals, metrics, schemas, wire

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs"
REFERENCE: Final = DOCS / "reference"


def _configuration() -> str:
    schema = _json("config.schema.json")
    example = REFERENCE / "gateway.example.yaml"
    intro = (
        "Every setting of a gateway's file, written by `scripts/docs` from the model. "
        "[The schema](config.schema.json) is for editors; the examples are those of "
        "[a file that has every setting](gateway.example.yaml), which `kanmon config check` "
        "accepts. What is not said here is refused, with the place and the likeliest meaning."
    )
    return schemas.page("Configuration", intro, schema, yaml.safe_load(example.read_text("utf-8")))


def _report() -> str:
    intro = (
        "What `kanmon device read --json` prints, written by `scripts/docs` from "
        "[the schema](report.schema.json). Numbers are decimals with exactly the digits of their "
        "resolution; a value that could not be had is null and `quality` says why, never 0."
    )
    return schemas.page("Report", intro, _json("report.schema.json"))


def _why() -> str:
    intro = (
        "What `kanmon device why --json` prints, written by `scripts/docs` from "
        "[the schema](why.schema.json): each condition with its next step and its evidence."
    )
    return schemas.page("Why", intro, _json("why.schema.json"))


def _profile() -> str:
    intro = (
        "Every key of a device profile, written by `scripts/docs` from "
        "[the schema](profile.schema.json). [Add a device](../add-a-device.md) shows how one is "
        "made and tested."
    )
    return schemas.page("Device profile", intro, _json("profile.schema.json"))


def _wire() -> str:
    return wire.page(yaml.safe_load((REFERENCE / "asyncapi.yaml").read_text("utf-8")))


def _codes() -> str:
    """Every code of enrolment with its cause and next step, in both languages."""
    from console.language import sentence
    from provisioning.codes import CATALOGUE

    lines = [
        "# Codes",
        "",
        "What a box or the portal says when enrolment fails. Written from `provisioning/codes.py`;",
        "`scripts/docs --write` writes it again.",
        "",
        "| Code | Cause | Next step |",
        "| --- | --- | --- |",
    ]
    for code, entry in CATALOGUE.items():
        cause, step = (
            "<br>".join(sentence(part, language) for language in ("en", "ja"))
            for part in (entry.cause, entry.next)
        )
        lines.append(f"| {code.value} | {cause} | {step} |")
    return "\n".join(lines) + "\n"


def _json(name: str) -> Any:
    return json.loads((REFERENCE / name).read_text("utf-8"))


def _manual(name: str) -> Callable[[], str]:
    return lambda: manuals.built(ROOT)[name]


PAGES: Final[dict[str, Callable[[], str]]] = {
    "reference/codes.md": _codes,
    "reference/configuration.md": _configuration,
    "reference/metrics.md": metrics.page,
    "reference/profile.md": _profile,
    "reference/report.md": _report,
    "reference/why.md": _why,
    "reference/wire.md": _wire,
    **{f"man/{name}.1": _manual(name) for name in manuals.NAMES},
}
"""Below docs/, each with what writes it."""


def write() -> list[str]:
    """Write every page that changed; returns which."""
    changed = []
    for name, make in PAGES.items():
        path, text = DOCS / name, make()
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(name)
    return changed


def stale() -> list[str]:
    """The pages that are not as the code is now."""
    return [
        f"docs/{name} is not what the code says now; run scripts/docs --write"
        for name, make in PAGES.items()
        if not (DOCS / name).exists() or (DOCS / name).read_text("utf-8") != make()
    ]
