"""The migrations of all apps say what their models say."""

from __future__ import annotations

import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_no_model_was_changed_without_its_migration(capsys: pytest.CaptureFixture[str]) -> None:
    """`makemigrations --check` ends the program where a migration is missing."""
    call_command("makemigrations", check=True, dry_run=True)
    assert "No changes detected" in capsys.readouterr().out
