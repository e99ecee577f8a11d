"""Who may open which address: the one table of every address of the portal.

A test walks it as an outsider, a member, an administrator and a member of another organization,
and fails for an address that is missing here.
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
    ORGANIZATION = "organization"
    """Members of the organization that owns the named thing; others get 404."""
    ADMINISTRATORS = "administrators"
    """Administrators of an organization; members get 403, or 404 where an id is named."""
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

ACCESS: Final[dict[str, Access]] = {
    "account_login": Access(audience=Audience.EVERYBODY, methods=_FORM),
    "account_logout": Access(audience=Audience.PEOPLE, methods=_FORM),
    "sign-in-link": Access(audience=Audience.EVERYBODY, methods=_FORM),
    "language": Access(audience=Audience.EVERYBODY, methods=frozenset({"POST"})),
    "claim": Access(audience=Audience.EVERYBODY, methods=_FORM),  # boxes, by agent key
    "metrics": Access(audience=Audience.MONITORS, methods=_READ),
    "overview": Access(audience=Audience.PEOPLE, methods=_READ),
    "overview-live": Access(audience=Audience.PEOPLE, methods=_READ),
    "sites": Access(audience=Audience.PEOPLE, methods=_READ),
    "sites-live": Access(audience=Audience.PEOPLE, methods=_READ),
    "site": Access(audience=Audience.ORGANIZATION, methods=_READ),
    "site-live": Access(audience=Audience.ORGANIZATION, methods=_READ),
    "gateways": Access(audience=Audience.PEOPLE, methods=_READ),
    "gateways-live": Access(audience=Audience.PEOPLE, methods=_READ),
    "gateway": Access(audience=Audience.ORGANIZATION, methods=_READ),
    "gateway-live": Access(audience=Audience.ORGANIZATION, methods=_READ),
    "devices": Access(audience=Audience.PEOPLE, methods=_READ),
    "devices-live": Access(audience=Audience.PEOPLE, methods=_READ),
    "organizations": Access(audience=Audience.PEOPLE, methods=_READ),
    "keys": Access(audience=Audience.ADMINISTRATORS, methods=_FORM),
    "key-revoke": Access(audience=Audience.ADMINISTRATORS, methods=frozenset({"POST"})),
    # An installer with a number from a box may have no account.
    "codes-help": Access(audience=Audience.EVERYBODY, methods=_READ),
    "code-help": Access(audience=Audience.EVERYBODY, methods=_READ),
    "device": Access(audience=Audience.ORGANIZATION, methods=_READ),
    "device-live": Access(audience=Audience.ORGANIZATION, methods=_READ),
    # Members too: words for people, which change nothing at the site (`portal.fleet.actions`).
    "device-edit": Access(audience=Audience.ORGANIZATION, methods=_FORM),
    "group": Access(audience=Audience.ORGANIZATION, methods=_FORM),
    "group-delete": Access(audience=Audience.ORGANIZATION, methods=frozenset({"POST"})),
    "chart": Access(audience=Audience.ORGANIZATION, methods=_READ),
    "operation": Access(audience=Audience.PEOPLE, methods=_READ),
    "report-live": Access(audience=Audience.PEOPLE, methods=_READ),
    "operation-live": Access(audience=Audience.PEOPLE, methods=_READ),
    "device-usage": Access(audience=Audience.ORGANIZATION, methods=_READ),
    "device-usage-live": Access(audience=Audience.ORGANIZATION, methods=_READ),
    "site-usage": Access(audience=Audience.ORGANIZATION, methods=_READ),
    # Where nothing is simulated, these answer 404 to every user with a session.
    "simulation-live": Access(audience=Audience.PEOPLE, methods=_READ),
    "simulation-break": Access(audience=Audience.PEOPLE, methods=frozenset({"POST"})),
}
"""The access to each address, by its name in `portal.urls`."""
