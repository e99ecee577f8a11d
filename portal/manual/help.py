"""Which place in the manual explains which page: the help link of the frame (E-4, E-21)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.urls import reverse

from portal.manual.contents import PAGES

if TYPE_CHECKING:
    from django.http import HttpRequest

CONTENTS: Final = ""
"""The help of a page that no page of the manual explains: the manual's contents."""
HELP: Final[dict[str, str]] = {
    "account_login": "sign-in",
    "account_logout": "sign-in#shared-computer",
    "sign-in-link": "sign-in#link",
    "mfa_authenticate": "sign-in#second-step",
    "account_reset_password": "sign-in#forgotten",
    "account_reset_password_done": "sign-in#forgotten",
    "account_reset_password_from_key": "sign-in#forgotten",
    "account_reset_password_from_key_done": "sign-in#forgotten",
    "address-confirmation": "settings#notification-address",
    "account_reauthenticate": "security",
    "mfa_reauthenticate": "security",
    "mfa_reauthenticate_webauthn": "security",
    "settings": "settings",
    "notification-address": "settings#notification-address",
    "account_change_password": "security#password",
    "account_set_password": "security#password",
    "password-expiry": "security#expiry",
    "mfa_index": "security#two-step",
    "mfa_activate_totp": "security#app",
    "mfa_deactivate_totp": "security#app",
    "mfa_view_recovery_codes": "security#recovery-codes",
    "mfa_generate_recovery_codes": "security#recovery-codes",
    "mfa_add_webauthn": "security#passkeys",
    "mfa_edit_webauthn": "security#passkeys",
    "mfa_remove_webauthn": "security#passkeys",
    "usersessions_list": "security#sessions",
    "sign-up": "sign-up#documents",
    "sign-up-account": "sign-up#address",
    "sign-up-code": "sign-up#code",
    "invitation": "sign-up#invitation",
    "invite": "sign-up#organization",
    "consent": "sign-up#documents",
    "welcome": "sign-up#names",
    "start": "sign-up#organization",
    "organization-create": "sign-up#organization",
    "organization-join": "sign-up#organization",
    "organizations": "organization",
    "organization-change": "organization#changes",
    "change-requests": "organization#changes",
    "member-invite": "members#invite",
    "member-remove": "members#remove",
    "overview": "home",
    "energy": "energy#site",
    "usage": "energy#site",
    "site-usage": "energy",
    "device-usage": "energy",
    "operation": "printing",
    "devices": "devices#list",
    "device": "devices#device",
    "device-edit": "devices#edit",
    "group": "devices#groups",
    "sites": "sites#sites",
    "site": "sites#sites",
    "site-edit": "sites#information",
    "locations": "sites#locations",
    "location": "sites#locations",
    "gateways": "sites#gateways",
    "gateway": "sites#gateway",
    "keys": "gateways#issue",
    "codes-help": "gateways#enrol",
    "code-help": "gateways#enrol",
    "audit": "audit",
    "undelivered-mail": "mail#undelivered",
    "manual": CONTENTS,
    "manual-page": CONTENTS,
    "demo-mailbox": CONTENTS,
    "demo-mail": CONTENTS,
}
"""By the name of each page's address, a page of the manual and a place on it."""
_ELSEWHERE: Final = "problems"
"""The help of an address that does not exist."""


def help_link(request: HttpRequest) -> dict[str, str]:
    """Context processor: ``help_address``, the place in the manual that explains the page.

    It is the manual's contents for who may not open that place.
    """
    match = request.resolver_match
    name, _, anchor = HELP.get((match.url_name or "") if match else "", _ELSEWHERE).partition("#")
    user = getattr(request, "user", None)
    if not name or not (PAGES[name].is_open or (user and user.is_authenticated)):
        return {"help_address": reverse("manual")}
    place = f"#{anchor}" if anchor else ""
    return {"help_address": reverse("manual-page", args=[name]) + place}
