"""Enrolment: the details of a failure, whose number and cause are in `console.templates.code`."""

from __future__ import annotations

from typing import Final

from console.text import Template

STATEMENT: Final = Template(
    "enrol.statement",
    "This box will send to the portal what the devices configured on it report: readings, "
    "conditions, supplies, and maker, model and serial number. It will also send its own "
    "configuration (secrets excepted), its health, host name, hardware and software version. "
    "It sends nothing else, and stops when its certificate is revoked",
)

# The agent key

KEY_FORM: Final = Template("enrol.key_form", "a key begins with K1 and ends with @ and an address")
KEY_LENGTH: Final = Template(
    "enrol.key_length", "the part before the @ has {number} characters instead of {expected}"
)
KEY_ID: Final = Template("enrol.key_id", "'{id}' is not a key id")
KEY_FIELDS: Final = Template("enrol.key_fields", "the secret or the pin has the wrong length")
GROUP: Final = Template("enrol.group", "group {group} does not match its check character")
GROUP_LENGTH: Final = Template(
    "enrol.group_length", "group {group} has {number} characters instead of {expected}"
)
GROUP_CHARACTER: Final = Template(
    "enrol.group_character", "character {position} of group {group} is not used in keys"
)
ADDRESS: Final = Template("enrol.address", "'{address}' does not match the key")
NO_ADDRESS: Final = Template(
    "enrol.no_address", "the text after the @ does not look like an address"
)
INVALID_ADDRESS: Final = Template(
    "enrol.invalid_address", "'{address}' is not an address such as https://portal.example.com"
)
LONG_ADDRESS: Final = Template("enrol.long_address", "'{address}' is not in its short form")
PLAIN_HTTP: Final = Template(
    "enrol.plain_http", "'{address}' would send data to another machine over unencrypted HTTP"
)

OTHER_TERMS: Final = Template(
    "enrol.other_terms",
    "the terms that were agreed to are {agreed}, but the portal requires {required}",
)

# The connection to the portal

WITHIN_TLS: Final = Template("enrol.within_tls", "it ended within the TLS connection")
NOT_HTTP: Final = Template("enrol.not_http", "the answer is not HTTP")
HTTP_STATUS: Final = Template("enrol.http_status", "the answer has the HTTP status {status}")
TOO_LONG: Final = Template("enrol.too_long", "the answer has more than {limit} bytes")
INVALID_HOST: Final = Template("enrol.invalid_host", "the host name is invalid")
HOST_WITHOUT_ADDRESS: Final = Template("enrol.host_without_address", "the host name has no address")
NOT_JSON: Final = Template("enrol.not_json", "the message is not JSON")
OTHER_FORM: Final = Template(
    "enrol.other_form", "the message has a form that this software does not know"
)
INVALID_FIELD: Final = Template(
    "enrol.invalid_field", "the field '{field}' of the message is missing or invalid"
)
PORTAL_REFUSAL: Final = Template("enrol.portal_refusal", "the portal refused: {cause}")
NOT_A_CERTIFICATE: Final = Template("enrol.not_a_certificate", "its root is not a certificate")

# The certificate request and the certificate

REQUEST_LENGTH: Final = Template(
    "enrol.request_length", "a request must state its length, which can be at most {limit} bytes"
)
REQUEST_BROKEN: Final = Template(
    "enrol.request_broken", "the connection ended before the request was complete"
)
REQUEST_UNREADABLE: Final = Template(
    "enrol.request_unreadable", "the certificate request cannot be read"
)
REQUEST_UNSIGNED: Final = Template("enrol.request_unsigned", "it is not signed by its own key")
NOT_P256: Final = Template("enrol.not_p256", "its key is not an EC P-256 key")
OTHER_SUBJECT: Final = Template("enrol.other_subject", "its subject is not CN={box}")
KEY_OF_BOX: Final = Template("enrol.key_of_box", "its key belongs to box {box}")
EXPIRED_AT: Final = Template("enrol.expired_at", "it expired on {time} UTC")
BOX_AT_GATEWAY: Final = Template("enrol.box_at_gateway", "box {box} belongs to gateway {gateway}")
CERTIFICATE_UNREADABLE: Final = Template(
    "enrol.certificate_unreadable", "the certificate cannot be read"
)
OTHER_ROOT: Final = Template("enrol.other_root", "it was issued by another root")
OTHER_KEY: Final = Template("enrol.other_key", "it is for another key")
OTHER_BOX: Final = Template("enrol.other_box", "it is not for box {box}")

# The box's files

ENROLLED_AT: Final = Template("enrol.enrolled_at", "it is enrolled at {address}")
FILE_MISSING: Final = Template("enrol.file_missing", "the file is missing")
OTHER_VERSION: Final = Template(
    "enrol.other_version", "the file has a version that this software does not know"
)
IDENTITY_OF_BOX: Final = Template(
    "enrol.identity_of_box", "it is the identity of box {other}, but this is box {box}"
)
NOT_A_FILE: Final = Template("enrol.not_a_file", "it is not a regular file")
IS_LINK: Final = Template("enrol.is_link", "it is a link, not a folder")
OWNED_BY: Final = Template("enrol.owned_by", "it belongs to account {account}")
HAS_MODE: Final = Template("enrol.has_mode", "it has mode {mode}")
WRITABLE: Final = Template("enrol.writable", "it has mode {mode}: {writers}")
EVERY_ACCOUNT: Final = Template("enrol.every_account", "every account can write to it")
GROUP_WRITES: Final = Template("enrol.group_writes", "the group {group} can write to it")
BOX_ID_NOT_STORED: Final = Template("enrol.box_id_not_stored", "the box id cannot be stored")
BOX_ID_UNREADABLE: Final = Template("enrol.box_id_unreadable", "the box id cannot be read")
BOX_ID_DAMAGED: Final = Template("enrol.box_id_damaged", "the file with the box id is damaged")
NEW_ID: Final = Template(
    "enrol.new_id", "with a new id, the portal would take this box for another one"
)
RESTORE_ID: Final = Template(
    "enrol.restore_id", "restore the file from a backup; or move it away, to start as a new box"
)
OWN_FOLDER: Final = Template(
    "enrol.own_folder",
    "make the gateway's user the owner of the state folder, or name another folder with --state",
)
CHECK_DISK: Final = Template(
    "enrol.check_disk", "check whether that disk is full or read-only, then try again"
)
