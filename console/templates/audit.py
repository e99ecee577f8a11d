"""What people did, as the portal's audit log has it: an action's id is stored, its words are not.

A new action is added here and in `portal.audit.vocabulary`, where pages offer it. Each is what a
person reads in the column *Action*; who did it, to what, and what changed stand beside it.
"""

from __future__ import annotations

from typing import Final

from console.text import Template

# --- looks -----------------------------------------------------------------------------------

LOOK: Final = Template("audit.look", "view")
EXPORT: Final = Template("audit.export", "export")

# --- signing in ------------------------------------------------------------------------------

SIGN_IN: Final = Template("audit.sign_in", "sign in")
SIGN_OUT: Final = Template("audit.sign_out", "sign out")
SIGN_IN_FAILED: Final = Template("audit.sign_in_failed", "failed sign-in")
SIGN_IN_LOCKED: Final = Template("audit.sign_in_locked", "sign-in locked")
SIGN_IN_LINK: Final = Template("audit.sign_in_link", "create sign-in link")
SESSION_END: Final = Template("audit.session_end", "end session")
PASSWORD_CHANGE: Final = Template("audit.password_change", "change password")
PASSWORD_RESET: Final = Template("audit.password_reset", "reset password")
PASSWORD_EXPIRY: Final = Template("audit.password_expiry", "change password expiry")
FACTOR_ADD: Final = Template("audit.factor_add", "add second factor")
FACTOR_REMOVE: Final = Template("audit.factor_remove", "remove second factor")
RECOVERY_CODES: Final = Template("audit.recovery_codes", "create recovery codes")

# --- people and organizations ----------------------------------------------------------------

PERSON_ADD: Final = Template("audit.person_add", "add person")
PERSON_EDIT: Final = Template("audit.person_edit", "edit personal data")
PERSON_REMOVE: Final = Template("audit.person_remove", "remove person")
PERSON_SIGN_UP: Final = Template("audit.person_sign_up", "sign up")
NOTIFICATION_ADDRESS: Final = Template("audit.notification_address", "change notification address")
CONSENT: Final = Template("audit.consent", "consent to document")
ROLE_CHANGE: Final = Template("audit.role_change", "change role")
OPERATOR_ADD: Final = Template("audit.operator_add", "name operator")
OPERATOR_REMOVE: Final = Template("audit.operator_remove", "end operator's role")
INVITATION_SEND: Final = Template("audit.invitation_send", "send invitation")
INVITATION_REVOKE: Final = Template("audit.invitation_revoke", "revoke invitation")
INVITATION_ACCEPT: Final = Template("audit.invitation_accept", "accept invitation")
JOIN_REQUEST: Final = Template("audit.join_request", "request to join")
JOIN_APPROVE: Final = Template("audit.join_approve", "approve request to join")
JOIN_REFUSE: Final = Template("audit.join_refuse", "refuse request to join")
ORGANIZATION_CREATE: Final = Template("audit.organization_create", "create organization")
ORGANIZATION_EDIT: Final = Template("audit.organization_edit", "edit organization")
ORGANIZATION_REQUEST: Final = Template(
    "audit.organization_request", "request change of organization"
)
ORGANIZATION_REFUSE: Final = Template("audit.organization_refuse", "refuse change of organization")

# --- the fleet -------------------------------------------------------------------------------

SITE_CREATE: Final = Template("audit.site_create", "create site")
SITE_EDIT: Final = Template("audit.site_edit", "edit site")
GATEWAY_ADD: Final = Template("audit.gateway_add", "add gateway")
BOX_ASSIGN: Final = Template("audit.box_assign", "assign box to gateway")
DEVICE_EDIT: Final = Template("audit.device_edit", "edit device")
DEVICE_ASSIGN: Final = Template("audit.device_assign", "assign device to site")
LOCATION_ADD: Final = Template("audit.location_add", "add installation location")
LOCATION_RENAME: Final = Template("audit.location_rename", "rename installation location")
LOCATION_REMOVE: Final = Template("audit.location_remove", "remove installation location")
GROUP_CREATE: Final = Template("audit.group_create", "create group")
GROUP_RENAME: Final = Template("audit.group_rename", "rename group")
GROUP_DELETE: Final = Template("audit.group_delete", "delete group")
KEY_ISSUE: Final = Template("audit.key_issue", "issue agent key")
KEY_REVOKE: Final = Template("audit.key_revoke", "revoke agent key")
BOX_REVOKE: Final = Template("audit.box_revoke", "revoke certificates of box")

# --- the log itself --------------------------------------------------------------------------

NAMES_ERASE: Final = Template("audit.names_erase", "erase names")
LOSS_ACCEPT: Final = Template("audit.loss_accept", "accept loss of entries")

# --- what an action is about -----------------------------------------------------------------

KIND_PERSON: Final = Template("audit.kind_person", "person")
KIND_ORGANIZATION: Final = Template("audit.kind_organization", "organization")
KIND_INVITATION: Final = Template("audit.kind_invitation", "invitation")
KIND_JOIN_REQUEST: Final = Template("audit.kind_join_request", "join request")
KIND_SITE: Final = Template("audit.kind_site", "site")
KIND_GATEWAY: Final = Template("audit.kind_gateway", "gateway")
KIND_BOX: Final = Template("audit.kind_box", "box")
KIND_DEVICE: Final = Template("audit.kind_device", "device")
KIND_LOCATION: Final = Template("audit.kind_location", "installation location")
KIND_GROUP: Final = Template("audit.kind_group", "device group")
KIND_KEY: Final = Template("audit.kind_key", "agent key")
KIND_LOG: Final = Template("audit.kind_log", "audit log")
KIND_ACCOUNT: Final = Template("audit.kind_account", "account of the server")
KIND_PORTAL: Final = Template("audit.kind_portal", "portal")

# --- fields of what was before and after -----------------------------------------------------

FIELD_NAME: Final = Template("audit.field_name", "name")
FIELD_LOCATION: Final = Template("audit.field_location", "location")
FIELD_GROUP: Final = Template("audit.field_group", "group")
FIELD_KIND: Final = Template("audit.field_kind", "device type")
FIELD_TIME_ZONE: Final = Template("audit.field_time_zone", "time zone")
FIELD_SITE: Final = Template("audit.field_site", "site name")
FIELD_GATEWAY: Final = Template("audit.field_gateway", "gateway name")
FIELD_BOX: Final = Template("audit.field_box", "box id")
FIELD_USES: Final = Template("audit.field_uses", "number of boxes")
FIELD_EXPIRES_AT: Final = Template("audit.field_expires_at", "expires at")
FIELD_ROLE: Final = Template("audit.field_role", "role")
FIELD_REASON: Final = Template("audit.field_reason", "reason")
FIELD_CERTIFICATES: Final = Template("audit.field_certificates", "number of certificates")
FIELD_FAMILY_NAME: Final = Template("audit.field_family_name", "family name")
FIELD_GIVEN_NAME: Final = Template("audit.field_given_name", "given name")
FIELD_LANGUAGE: Final = Template("audit.field_language", "language")
FIELD_REGION: Final = Template("audit.field_region", "region")
FIELD_COUNTRY: Final = Template("audit.field_country", "country")
FIELD_POSTAL_CODE: Final = Template("audit.field_postal_code", "postal code")
FIELD_PREFECTURE: Final = Template("audit.field_prefecture", "prefecture, state or province")
FIELD_CITY: Final = Template("audit.field_city", "city")
FIELD_STREET: Final = Template("audit.field_street", "street and building")
FIELD_COORDINATES: Final = Template("audit.field_coordinates", "coordinates")
FIELD_CLOSING_DAY: Final = Template("audit.field_closing_day", "closing day")
FIELD_CONTACT: Final = Template("audit.field_contact", "contact or telephone number")
FIELD_LAST_ENTRY: Final = Template("audit.field_last_entry", "last entry")

VALUE_ADMINISTRATOR: Final = Template("audit.value_administrator", "administrator")
VALUE_USER: Final = Template("audit.value_user", "user")
VALUE_INSTALLER: Final = Template("audit.value_installer", "installer")
VALUE_BILLING: Final = Template("audit.value_billing", "billing")
VALUE_CHANGED: Final = Template("audit.value_changed", "changed")
VALUE_END_OF_MONTH: Final = Template("audit.value_end_of_month", "end of month")
