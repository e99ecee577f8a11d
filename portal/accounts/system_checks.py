"""What `kanmon-portal serve` refuses or warns about before it opens its port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.apps import AppConfig


@checks.register(checks.Tags.security)
def plain_http(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """Warn where people would reach the portal over plain HTTP from another machine."""
    here = settings.ENVIRONMENT
    if here.https or here.loopback:
        return []
    return [
        checks.Warning(
            f"People reach this portal at {here.url}, without TLS: browsers will not send its "
            "cookies, so nobody can sign in.",
            hint="Put a TLS proxy in front and set KANMON_PORTAL_URL=https://....",
            id="accounts.W001",
        )
    ]
