"""Which software this is."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def software() -> str:
    """The installed version of Kanmon; ``0`` when it runs from a plain folder."""
    try:
        return version("kanmon")
    except PackageNotFoundError:
        return "0"
