"""People, and the organizations they belong to.

As rows::

    User --< Membership >-- Organization
     |         role: administrator | user | installer | billing
     |--< SignInLink         one use, thirty minutes
     |--< ConsentRecord >-- Document        one version of the terms, the privacy statement, ...
     |--< JoinRequest   >-- Organization    asked for; an administrator decides
     |                      Organization --< Invitation       of one address, until it expires
     `--------------------- Organization --< ChangeRequest    an operator decides

A person signs in by email; an email is compared without regard to case and kept in lower case.

May be imported by every app above it.

Source: design section 8; requirements E-3 and E-9 to E-20.
"""

from portal.accounts.models.consent import ConsentRecord, Document, DocumentKind
from portal.accounts.models.joining import (
    ChangeRequest,
    Decision,
    Invitation,
    InvitationState,
    JoinRequest,
)
from portal.accounts.models.organizations import (
    Membership,
    Organization,
    OrganizationQuerySet,
    Role,
)
from portal.accounts.models.people import User, UserManager, normal_email
from portal.accounts.models.sign_in import FailedSignIns, SignInLink, SignInTry

__all__ = [
    "ChangeRequest",
    "ConsentRecord",
    "Decision",
    "Document",
    "DocumentKind",
    "FailedSignIns",
    "Invitation",
    "InvitationState",
    "JoinRequest",
    "Membership",
    "Organization",
    "OrganizationQuerySet",
    "Role",
    "SignInLink",
    "SignInTry",
    "User",
    "UserManager",
    "normal_email",
]
