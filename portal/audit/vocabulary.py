"""Every action that can be on record, in the order in which pages offer it, and fields' words."""

from __future__ import annotations

from typing import Final

from console.templates import audit

ACTIONS: Final = (
    audit.LOOK,
    audit.EXPORT,
    audit.SIGN_IN,
    audit.SIGN_OUT,
    audit.SIGN_IN_FAILED,
    audit.SIGN_IN_LOCKED,
    audit.SIGN_IN_LINK,
    audit.SESSION_END,
    audit.PASSWORD_CHANGE,
    audit.PASSWORD_RESET,
    audit.PASSWORD_EXPIRY,
    audit.FACTOR_ADD,
    audit.FACTOR_REMOVE,
    audit.RECOVERY_CODES,
    audit.PERSON_SIGN_UP,
    audit.PERSON_ADD,
    audit.PERSON_EDIT,
    audit.PERSON_REMOVE,
    audit.NOTIFICATION_ADDRESS,
    audit.CONSENT,
    audit.ROLE_CHANGE,
    audit.OPERATOR_ADD,
    audit.OPERATOR_REMOVE,
    audit.INVITATION_SEND,
    audit.INVITATION_REVOKE,
    audit.INVITATION_ACCEPT,
    audit.JOIN_REQUEST,
    audit.JOIN_APPROVE,
    audit.JOIN_REFUSE,
    audit.ORGANIZATION_CREATE,
    audit.ORGANIZATION_EDIT,
    audit.ORGANIZATION_REQUEST,
    audit.SITE_CREATE,
    audit.SITE_EDIT,
    audit.GATEWAY_ADD,
    audit.BOX_ASSIGN,
    audit.DEVICE_EDIT,
    audit.DEVICE_ASSIGN,
    audit.GROUP_CREATE,
    audit.GROUP_RENAME,
    audit.GROUP_DELETE,
    audit.KEY_ISSUE,
    audit.KEY_REVOKE,
    audit.BOX_REVOKE,
    audit.NAMES_ERASE,
    audit.LOSS_ACCEPT,
)

FIELDS: Final = {
    "name": audit.FIELD_NAME,
    "location": audit.FIELD_LOCATION,
    "group": audit.FIELD_GROUP,
    "kind": audit.FIELD_KIND,
    "time_zone": audit.FIELD_TIME_ZONE,
    "site": audit.FIELD_SITE,
    "gateway": audit.FIELD_GATEWAY,
    "box": audit.FIELD_BOX,
    "uses": audit.FIELD_USES,
    "expires_at": audit.FIELD_EXPIRES_AT,
    "role": audit.FIELD_ROLE,
    "reason": audit.FIELD_REASON,
    "certificates": audit.FIELD_CERTIFICATES,
    "family_name": audit.FIELD_FAMILY_NAME,
    "given_name": audit.FIELD_GIVEN_NAME,
    "language": audit.FIELD_LANGUAGE,
    "region": audit.FIELD_REGION,
    "last_entry": audit.FIELD_LAST_ENTRY,
}
"""What the fields of a change are called; another one is shown by its own name."""

VALUES: Final = {
    ("role", "administrator"): audit.VALUE_ADMINISTRATOR,
    ("role", "user"): audit.VALUE_USER,
    ("role", "installer"): audit.VALUE_INSTALLER,
    ("role", "billing"): audit.VALUE_BILLING,
}
"""What the values of some fields are called; another one is shown as it is."""
