"""The causes and next steps of enrolment's failures; `provisioning.codes` numbers them."""

from __future__ import annotations

from typing import Final

from console.text import Template

NAME_NOT_FOUND: Final = Template(
    "code.name_not_found",
    "the portal's name was not found",
)
NAME_NOT_FOUND_NEXT: Final = Template(
    "code.name_not_found_next",
    "check the network cable and the box's name server (DNS), then try again",
)
NO_CONNECTION: Final = Template(
    "code.no_connection",
    "no connection to the portal could be opened",
)
NO_CONNECTION_NEXT: Final = Template(
    "code.no_connection_next",
    "check the network settings, and that the firewall allows connections from the box to the"
    " address after the @ of the key",
)
NO_ANSWER: Final = Template(
    "code.no_answer",
    "the portal did not answer in time",
)
NO_ANSWER_NEXT: Final = Template(
    "code.no_answer_next",
    "try again in a few minutes; repeating is safe",
)
BROKEN_OFF: Final = Template(
    "code.broken_off",
    "the connection ended before the answer was complete",
)
BROKEN_OFF_NEXT: Final = Template(
    "code.broken_off_next",
    "try again; repeating is safe",
)
NOT_THE_PORTAL: Final = Template(
    "code.not_the_portal",
    "the answer did not come from this portal, but from a proxy or a sign-in page of the "
    "network, for example",
)
NOT_THE_PORTAL_NEXT: Final = Template(
    "code.not_the_portal_next",
    "let the box reach the portal without a proxy, and check that the key was issued by this "
    "portal",
)
UNAVAILABLE: Final = Template(
    "code.unavailable",
    "the portal is not available at the moment",
)
UNAVAILABLE_NEXT: Final = Template(
    "code.unavailable_next",
    "try again later; repeating is safe",
)
CLOCK_BEHIND: Final = Template(
    "code.clock_behind",
    "the box's clock is behind: at its time, the portal's certificate is not yet valid",
)
CLOCK_BEHIND_NEXT: Final = Template(
    "code.clock_behind_next",
    "set the box's clock, or let it reach a time server (NTP), then try again",
)
CLOCK_AHEAD: Final = Template(
    "code.clock_ahead",
    "at the box's time, the portal's certificate has expired",
)
CLOCK_AHEAD_NEXT: Final = Template(
    "code.clock_ahead_next",
    "check the box's clock; if it is right, the portal's operator has to restart the claim "
    "service, which renews the certificate",
)
OTHER_ROOT: Final = Template(
    "code.other_root",
    "the server that answered does not have the root certificate that the key names",
)
OTHER_ROOT_NEXT: Final = Template(
    "code.other_root_next",
    "check that the key is new and was issued by this portal; if it was, another server "
    "intercepts the connection: inform the network's administrator",
)
OTHER_ISSUER: Final = Template(
    "code.other_issuer",
    "the server's certificate was not issued by the portal's root",
)
OTHER_ISSUER_NEXT: Final = Template(
    "code.other_issuer_next",
    "let the box reach the portal's claim address without a proxy that decrypts TLS",
)
OTHER_HOST: Final = Template(
    "code.other_host",
    "the portal's certificate is for another host name than the one in the key",
)
OTHER_HOST_NEXT: Final = Template(
    "code.other_host_next",
    "the portal's operator has to set KANMON_CLAIM_URL to the name that boxes use, and to "
    "issue a new key",
)
NO_TLS: Final = Template(
    "code.no_tls",
    "no encrypted connection could be established",
)
NO_TLS_NEXT: Final = Template(
    "code.no_tls_next",
    "check that the address after the @ of the key is the portal's claim address, and that no"
    " device in between changes the connection",
)
KEY_MISTYPED: Final = Template(
    "code.key_mistyped",
    "a group of the agent key is mistyped",
)
KEY_MISTYPED_NEXT: Final = Template(
    "code.key_mistyped_next",
    "compare the named group with the key as issued, and correct it",
)
NO_KEY: Final = Template(
    "code.no_key",
    "the agent key is incomplete",
)
NO_KEY_NEXT: Final = Template(
    "code.no_key_next",
    "copy the whole key, from K1 to the end of the address after the @",
)
ADDRESS_MISTYPED: Final = Template(
    "code.address_mistyped",
    "the address after the @ of the agent key is mistyped",
)
ADDRESS_MISTYPED_NEXT: Final = Template(
    "code.address_mistyped_next",
    "compare the address with the key as issued, letter by letter",
)
KEY_UNKNOWN: Final = Template(
    "code.key_unknown",
    "the portal does not know this agent key",
)
KEY_UNKNOWN_NEXT: Final = Template(
    "code.key_unknown_next",
    "check that the key was copied from the right portal, or request a new one",
)
KEY_EXPIRED: Final = Template(
    "code.key_expired",
    "the agent key has expired",
)
KEY_EXPIRED_NEXT: Final = Template(
    "code.key_expired_next",
    "request a new key; the box keeps its settings",
)
KEY_USED_UP: Final = Template(
    "code.key_used_up",
    "the agent key has been used for as many boxes as it was issued for",
)
KEY_USED_UP_NEXT: Final = Template(
    "code.key_used_up_next",
    "request a new key; if you did not use this one, have the box that used it revoked",
)
KEY_REVOKED: Final = Template(
    "code.key_revoked",
    "the agent key was revoked",
)
KEY_REVOKED_NEXT: Final = Template(
    "code.key_revoked_next",
    "request a new key from the person who issued this one",
)
NO_CONSENT: Final = Template(
    "code.no_consent",
    "the transfer of this box's data to the portal has not been agreed to",
)
NO_CONSENT_NEXT: Final = Template(
    "code.no_consent_next",
    "read what is sent, then agree: tick the box on the setup page, or add --consent",
)
TOO_OFTEN: Final = Template(
    "code.too_often",
    "this agent key was tried too often within a minute",
)
TOO_OFTEN_NEXT: Final = Template(
    "code.too_often_next",
    "wait a minute, then try again",
)
OTHER_TERMS: Final = Template(
    "code.other_terms",
    "the terms that were agreed to on this box are not those of the portal",
)
OTHER_TERMS_NEXT: Final = Template(
    "code.other_terms_next",
    "update the box's software (or the portal's), then agree again",
)
BAD_REQUEST: Final = Template(
    "code.bad_request",
    "the portal cannot read the box's request",
)
BAD_REQUEST_NEXT: Final = Template(
    "code.bad_request_next",
    "update the box's software (or the portal's), then try again",
)
BAD_CSR: Final = Template(
    "code.bad_csr",
    "the certificate request does not belong to this box and its key",
)
BAD_CSR_NEXT: Final = Template(
    "code.bad_csr_next",
    "try again from the box itself; if the error remains, set the box up as a new one (see 2403)",
)
BOX_TAKEN: Final = Template(
    "code.box_taken",
    "the portal has a box with this id that has another key or another owner",
)
BOX_TAKEN_NEXT: Final = Template(
    "code.box_taken_next",
    "move this box's state folder away, so that it starts as a new box, and try again",
)
PLACE_TAKEN: Final = Template(
    "code.place_taken",
    "the gateway that the key was issued for cannot be assigned to this box",
)
PLACE_TAKEN_NEXT: Final = Template(
    "code.place_taken_next",
    "request a key for another gateway name, or for the gateway that this box is assigned to",
)
BOX_REVOKED: Final = Template(
    "code.box_revoked",
    "this box's certificate was revoked",
)
BOX_REVOKED_NEXT: Final = Template(
    "code.box_revoked_next",
    "if the box may be used again, move its state folder away, so that it starts as a new "
    "box, and use a new key",
)
NO_AUTHORITY: Final = Template(
    "code.no_authority",
    "the portal cannot issue certificates: its authority is not set up or readable",
)
NO_AUTHORITY_NEXT: Final = Template(
    "code.no_authority_next",
    "the portal's operator has to run `kanmon-portal authority init` and check the log",
)
BAD_CERTIFICATE: Final = Template(
    "code.bad_certificate",
    "the certificate in the answer is not for this box's key, or not from this portal",
)
BAD_CERTIFICATE_NEXT: Final = Template(
    "code.bad_certificate_next",
    "try again: nothing was stored; if the error remains, inform the portal's operator",
)
OTHER_REASON: Final = Template(
    "code.other_reason",
    "the portal refused for a reason that this box's software does not know",
)
OTHER_REASON_NEXT: Final = Template(
    "code.other_reason_next",
    "follow the portal's explanation; updating the box's software may help, too",
)
NOT_WRITABLE: Final = Template(
    "code.not_writable",
    "the box's state folder cannot be read or written",
)
NOT_WRITABLE_NEXT: Final = Template(
    "code.not_writable_next",
    "run the command as the user that the gateway runs as, or with sudo; all files in the "
    "folder have to belong to that user",
)
DISK_FULL: Final = Template(
    "code.disk_full",
    "the box's disk is full",
)
DISK_FULL_NEXT: Final = Template(
    "code.disk_full_next",
    "free some space, then try again; nothing was lost",
)
DAMAGED: Final = Template(
    "code.damaged",
    "a file of the box's identity is damaged",
)
DAMAGED_NEXT: Final = Template(
    "code.damaged_next",
    "restore the file from a backup; or move the state folder away, to start as a new box",
)
OTHER_PORTAL: Final = Template(
    "code.other_portal",
    "this box already belongs to another portal",
)
OTHER_PORTAL_NEXT: Final = Template(
    "code.other_portal_next",
    "use a key of that portal; or move the state folder away, to start as a new box",
)
KEY_EXPOSED: Final = Template(
    "code.key_exposed",
    "other accounts on the box can read its private key",
)
KEY_EXPOSED_NEXT: Final = Template(
    "code.key_exposed_next",
    "if the key cannot have been copied, make the gateway's user its owner, with mode 0600, "
    "and try again; otherwise have the box revoked and move its state folder away, to start "
    "as a new box",
)
UNTRUSTED_PATH: Final = Template(
    "code.untrusted_path",
    "the box's identity is stored behind a link, or where other accounts can change it",
)
UNTRUSTED_PATH_NEXT: Final = Template(
    "code.untrusted_path_next",
    "find out who created the file or folder; then remove it, or make the gateway's user its "
    "owner and only writer, and try again",
)
