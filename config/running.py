"""The names of the files of the running configuration, in the state folder."""

from __future__ import annotations

from typing import Final

RUNNING: Final = "config.yaml"
"""What runs; the operator's text, comments and all."""
PREVIOUS: Final = "config.previous.yaml"
"""The last good one before it."""
