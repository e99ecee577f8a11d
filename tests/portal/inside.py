"""``python -m tests.portal.inside CODE``: run Python code with the portal's Django set up."""

from __future__ import annotations

import sys

import django

if __name__ == "__main__":
    django.setup()
    exec(sys.argv[1])  # noqa: S102 - it is a test's
