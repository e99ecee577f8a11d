"""Which software this is."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path


@cache
def software() -> str:
    """The installed version of Kanmon; ``0`` when it runs from a plain folder.

    Read from the name of the folder that records the installation: the standard library's
    ``importlib.metadata`` keeps 1.4 MB in the daemon for it, with archives and resources.

    Source: PyPA specifications, "Recording installed projects", the .dist-info directory.
    """
    for folder in map(Path, sys.path):
        for record in sorted(folder.glob("kanmon-*.dist-info")):
            return record.name.removesuffix(".dist-info").removeprefix("kanmon-")
    return "0"
