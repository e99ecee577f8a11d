"""Templates obey the order of the apps that `pyproject.toml` sets for imports."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

from portal.environment.state_folder import PACKAGE

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = "Each of the portal's apps sees only what is below it"
LIBRARIES = {"kanmon": "web"}
"""Libraries of tags that are not named after their app."""
TAG = re.compile(r"\{%\s*(load|include|extends)\s+(.*?)%\}", re.DOTALL)
NAMED = re.compile(r"""["']([a-z]+)/[^"']+\.html["']""")


def levels() -> dict[str, int]:
    """The level of each app; 0 is the highest."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (each["layers"] for each in contracts if each["name"] == CONTRACT)
    return {app: level for level, row in enumerate(layers) for app in row.split(" | ")}


def used(template: Path, apps: set[str]) -> set[str]:
    """The apps whose tags or templates a template uses, as far as it names them."""
    found: set[str] = set()
    for tag, rest in TAG.findall(template.read_text("utf-8")):
        names = NAMED.findall(rest) if tag != "load" else rest.split()
        found |= {LIBRARIES.get(name, name) for name in names} & apps
    return found


def test_a_template_uses_only_apps_below_its_own() -> None:
    level = levels()
    wrong, seen = [], set()
    for path in sorted(PACKAGE.rglob("templates/**/*.html")):
        app = path.relative_to(PACKAGE).parts[0]
        others = used(path, set(level)) - {app}
        seen |= others
        wrong += [(str(path.relative_to(PACKAGE)), o) for o in others if level[o] <= level[app]]
    assert not wrong
    assert {"web", "usage", "simulation", "authority"} <= seen  # the control: they are found
