"""What `kanmon-portal serve` warns about before it opens its port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.apps import AppConfig


@checks.register(checks.Tags.compatibility)
def no_mail_server(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """Warn where mails wait because no mail server is set."""
    if settings.MAIL_SERVER is not None:
        return []
    return [
        checks.Warning(
            "No mail server is set: the portal sends no mail, so that new users cannot confirm "
            "their address and nobody can be invited.",
            hint="Set KANMON_MAIL_SERVER and KANMON_MAIL_FROM, and run `kanmon-portal work`.",
            id="notifications.W001",
        )
    ]
