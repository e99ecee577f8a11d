"""``kanmon-portal migrate``: the database, made and brought up to date."""

from __future__ import annotations

import click

from portal.cli.common import json_option, portal_ready, say


@click.command()
@json_option
def migrate(*, as_json: bool) -> None:
    """Create or update the database tables.

    The command may be repeated.
    """
    with portal_ready(create=True):
        from django.core.management import call_command

        from portal.readiness import applied_migrations

        before = applied_migrations()
        call_command("migrate", interactive=False, verbosity=0 if as_json else 1)
        done = sorted(applied_migrations() - before)
    if as_json:
        say({"applied": [f"{app}.{name}" for app, name in done]}, "", as_json=True)
