"""The built files that pages load, by their plain names (`scripts/assets` builds them)."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from django.conf import settings


def url(name: str) -> str:
    """The address of a built file such as ``css``; its plain address where nothing was built."""
    files: dict[str, str] = _manifest().get("files", {})
    return f"{settings.STATIC_URL}{files.get(name, name)}"


def build() -> str:
    """Eight characters that identify the build of the assets."""
    return str(_manifest().get("stamp", "unbuilt"))[:8]


@cache
def _manifest() -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((settings.STATIC_ROOT / "manifest.json").read_text())
    except FileNotFoundError:
        return {}
    return manifest
