"""Who may open which address: the one table of every address of the portal.

A test walks it as an outsider, as each role of an organization, as an operator and as a member of
another organization, and fails for an address that is missing here. `portal.accounts.roles` asks it
what a person in the billing role may open.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Audience(StrEnum):
    """The people or programs that may open an address."""

    EVERYBODY = "everybody"
    """Everybody, without a session too."""
    PEOPLE = "people"
    """Every user with a session; they see what their organizations own."""
    MEMBERS = "members"
    """Every user with a session, except that those in the billing role alone get 403."""
    ORGANIZATION = "organization"
    """Members of the organization that owns the named thing; others, and billing, get 404."""
    USAGE = "usage"
    """Members of the organization that owns the named thing, billing too; others get 404."""
    INSTALLERS = "installers"
    """Administrators and installers of an organization; others get 403, or 404 for an id."""
    ADMINISTRATORS = "administrators"
    """Administrators of the organization that the id names; others get 404."""
    OPERATORS = "operators"
    """Operators of this portal; others get 403."""
    MONITORS = "monitors"
    """Programs that show the token of KANMON_METRICS_TOKEN; everybody else gets 404."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The access to an address.

    Attributes:
        audience: Who may open it.
        methods: The methods it answers (a page that answers GET also HEAD); others get 405.
    """

    audience: Audience
    methods: frozenset[str] = frozenset({"GET"})


_READ: Final = frozenset({"GET"})
_FORM: Final = frozenset({"GET", "POST"})
_POST: Final = frozenset({"POST"})

ACCESS: Final[dict[str, Access]] = {
    "account_login": Access(audience=Audience.EVERYBODY, methods=_FORM),
    "account_logout": Access(audience=Audience.PEOPLE, methods=_FORM),
    "sign-in-link": Access(audience=Audience.EVERYBODY, methods=_FORM),
    "mfa_authenticate": Access(audience=Audience.EVERYBODY, methods=_FORM),
    "mfa_login_webauthn": Access(audience=Audience.EVERYBODY, methods=_FORM),
    "account_reset_password": Access(audience=Audience.EVERYBODY, methods=_FORM),
    "account_reset_password_done": Access(audience=Audience.EVERYBODY, methods=_READ),
    "account_reset_password_from_key": Access(audience=Audience.EVERYBODY, methods=_FORM),
    "account_reset_password_from_key_done": Access(audience=Audience.EVERYBODY, methods=_READ),
    "address-confirmation": Access(audience=Audience.EVERYBODY, methods=_FORM),
    "account_reauthenticate": Access(audience=Audience.PEOPLE, methods=_FORM),
    "mfa_reauthenticate": Access(audience=Audience.PEOPLE, methods=_FORM),
    "mfa_reauthenticate_webauthn": Access(audience=Audience.PEOPLE, methods=_FORM),
    "settings": Access(audience=Audience.PEOPLE, methods=_FORM),
    "notification-address": Access(audience=Audience.PEOPLE, methods=_FORM),
    "account_change_password": Access(audience=Audience.PEOPLE, methods=_FORM),
    "password-expiry": Access(audience=Audience.ADMINISTRATORS, methods=_FORM),
    "account_set_password": Access(audience=Audience.PEOPLE, methods=_FORM),
    "mfa_index": Access(audience=Audience.PEOPLE, methods=_READ),
    "mfa_activate_totp": Access(audience=Audience.PEOPLE, methods=_FORM),
    "mfa_deactivate_totp": Access(audience=Audience.PEOPLE, methods=_FORM),
    "mfa_view_recovery_codes": Access(audience=Audience.PEOPLE, methods=_READ),
    "mfa_generate_recovery_codes": Access(audience=Audience.PEOPLE, methods=_FORM),
    "mfa_download_recovery_codes": Access(audience=Audience.PEOPLE, methods=_READ),
    "mfa_add_webauthn": Access(audience=Audience.PEOPLE, methods=_FORM),
    "mfa_edit_webauthn": Access(audience=Audience.PEOPLE, methods=_FORM),
    "mfa_remove_webauthn": Access(audience=Audience.PEOPLE, methods=_FORM),
    "usersessions_list": Access(audience=Audience.PEOPLE, methods=_FORM),
    "session-end": Access(audience=Audience.PEOPLE, methods=frozenset({"POST"})),
    "language": Access(audience=Audience.EVERYBODY, methods=frozenset({"POST"})),
    "sign-up": Access(audience=Audience.EVERYBODY, methods=_FORM),
    "sign-up-account": Access(audience=Audience.EVERYBODY, methods=_FORM),
    "sign-up-code": Access(audience=Audience.EVERYBODY, methods=_FORM),
    "invitation": Access(audience=Audience.EVERYBODY, methods=_FORM),  # the link is the secret
    "invite": Access(audience=Audience.EVERYBODY, methods=_READ),
    "consent": Access(audience=Audience.PEOPLE, methods=_FORM),
    "welcome": Access(audience=Audience.PEOPLE, methods=_FORM),
    "start": Access(audience=Audience.PEOPLE, methods=_READ),
    "organization-create": Access(audience=Audience.PEOPLE, methods=_FORM),
    "organization-join": Access(audience=Audience.PEOPLE, methods=_FORM),
    "join-withdraw": Access(audience=Audience.PEOPLE, methods=_POST),  # one's own; others 404
    "member-remove": Access(audience=Audience.ADMINISTRATORS, methods=_FORM),  # and oneself
    "member-role": Access(audience=Audience.ADMINISTRATORS, methods=_POST),
    "member-invite": Access(audience=Audience.ADMINISTRATORS, methods=_FORM),
    "organization-change": Access(audience=Audience.ADMINISTRATORS, methods=_FORM),
    "invitation-resend": Access(audience=Audience.ADMINISTRATORS, methods=_POST),
    "invitation-withdraw": Access(audience=Audience.ADMINISTRATORS, methods=_POST),
    "join-decide": Access(audience=Audience.ADMINISTRATORS, methods=_POST),
    "change-requests": Access(audience=Audience.OPERATORS, methods=_READ),
    "change-decide": Access(audience=Audience.OPERATORS, methods=_POST),
    "claim": Access(audience=Audience.EVERYBODY, methods=_FORM),  # boxes, by agent key
    "metrics": Access(audience=Audience.MONITORS, methods=_READ),
    "place": Access(audience=Audience.PEOPLE, methods=frozenset({"POST"})),
    "bell-live": Access(audience=Audience.PEOPLE, methods=_READ),
    "energy": Access(audience=Audience.MEMBERS, methods=_READ),
    "overview": Access(audience=Audience.MEMBERS, methods=_READ),
    "overview-live": Access(audience=Audience.MEMBERS, methods=_READ),
    "sites": Access(audience=Audience.MEMBERS, methods=_READ),
    "sites-live": Access(audience=Audience.MEMBERS, methods=_READ),
    "site": Access(audience=Audience.ORGANIZATION, methods=_READ),
    "site-live": Access(audience=Audience.ORGANIZATION, methods=_READ),
    "site-edit": Access(audience=Audience.ADMINISTRATORS, methods=_FORM),
    "gateways": Access(audience=Audience.MEMBERS, methods=_READ),
    "gateways-live": Access(audience=Audience.MEMBERS, methods=_READ),
    "gateway": Access(audience=Audience.ORGANIZATION, methods=_READ),
    "gateway-live": Access(audience=Audience.ORGANIZATION, methods=_READ),
    "devices": Access(audience=Audience.MEMBERS, methods=_READ),
    "devices-live": Access(audience=Audience.MEMBERS, methods=_READ),
    "organizations": Access(audience=Audience.PEOPLE, methods=_READ),
    "audit": Access(audience=Audience.ADMINISTRATORS, methods=_READ),
    "audit-export": Access(audience=Audience.ADMINISTRATORS, methods=_READ),
    "keys": Access(audience=Audience.INSTALLERS, methods=_FORM),
    "key-revoke": Access(audience=Audience.INSTALLERS, methods=frozenset({"POST"})),
    "undelivered-mail": Access(audience=Audience.ADMINISTRATORS, methods=_READ),
    "manual": Access(audience=Audience.EVERYBODY, methods=_READ),
    # Without a session: the pages about getting in; the others lead to the sign-in page.
    "manual-page": Access(audience=Audience.EVERYBODY, methods=_READ),
    # An installer with a number from a box may have no account.
    "codes-help": Access(audience=Audience.EVERYBODY, methods=_READ),
    "code-help": Access(audience=Audience.EVERYBODY, methods=_READ),
    "device": Access(audience=Audience.ORGANIZATION, methods=_READ),
    "device-live": Access(audience=Audience.ORGANIZATION, methods=_READ),
    # Members too: words for people, which change nothing at the site (`portal.fleet.actions`).
    "device-edit": Access(audience=Audience.ORGANIZATION, methods=_FORM),
    "locations": Access(audience=Audience.ORGANIZATION, methods=_FORM),
    "location": Access(audience=Audience.ORGANIZATION, methods=_FORM),
    "location-remove": Access(audience=Audience.ORGANIZATION, methods=_POST),
    "group": Access(audience=Audience.ORGANIZATION, methods=_FORM),
    "group-delete": Access(audience=Audience.ORGANIZATION, methods=frozenset({"POST"})),
    "chart": Access(audience=Audience.ORGANIZATION, methods=_READ),
    "operation": Access(audience=Audience.MEMBERS, methods=_READ),
    "report-live": Access(audience=Audience.MEMBERS, methods=_READ),
    "operation-live": Access(audience=Audience.MEMBERS, methods=_READ),
    "usage": Access(audience=Audience.PEOPLE, methods=_READ),
    "device-usage": Access(audience=Audience.USAGE, methods=_READ),
    "device-usage-live": Access(audience=Audience.USAGE, methods=_READ),
    "site-usage": Access(audience=Audience.USAGE, methods=_READ),
    # Where nothing is simulated, these answer 404 to every user with a session.
    "simulation-live": Access(audience=Audience.MEMBERS, methods=_READ),
    "simulation-break": Access(audience=Audience.MEMBERS, methods=frozenset({"POST"})),
    # The demonstration's mails, for people who sign up and have no session yet: 404 elsewhere.
    "demo-mailbox": Access(audience=Audience.EVERYBODY, methods=_READ),
    "demo-mail": Access(audience=Audience.EVERYBODY, methods=_READ),
    "demo-mail-html": Access(audience=Audience.EVERYBODY, methods=_READ),
}
"""The access to each address, by its name in `portal.urls`."""
