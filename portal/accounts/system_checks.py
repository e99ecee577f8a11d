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


@checks.register(checks.Tags.security)
def untrusted_proxy(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """Warn where people come through a proxy, and would all be counted as one client."""
    here = settings.ENVIRONMENT
    if not here.https or here.trusted_proxies:
        return []
    return [
        checks.Warning(
            "People reach this portal through a proxy that provides TLS, but no proxy is trusted: "
            "the limits on wrong passwords count all people as one client.",
            hint="Set KANMON_TRUSTED_PROXIES to the address of the proxy, such as 127.0.0.1.",
            id="accounts.W002",
        )
    ]
