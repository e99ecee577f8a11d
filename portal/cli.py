"""`kanmon-portal`, until its commands land in portal.commands."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run a Django command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
