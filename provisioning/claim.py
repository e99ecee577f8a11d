"""The messages by which a box claims its place in a portal. Pure: JSON in and out.

::

    box                                                    portal
     |  GET /claim/        (nothing is trusted yet)           |
     |------------------------------------------------------->|
     |<----------------------------------------- PortalRoot --|  must fit the key's pin
     |                                                        |
     |  POST /claim/  ClaimRequest  (TLS, by that root only)  |
     |------------------------------------------------------->|
     |<----------------------- ClaimGrant, or ClaimRefusal ---|

Asking again with the same public key gets the same answer: a claim can be repeated after any loss.
Bytes travel as Base64, certificates as PEM. A reader ignores fields that it does not know.

Source: design section 6; RFC 7030 for the order of things (cacerts, then simpleenroll).
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, Final, Literal, TypeVar, get_type_hints

import msgspec
from msgspec import Meta

from cloud_link.topics import BOX_ID
from console.templates import enrol
from console.text import Message
from provisioning.agent_key import ALPHABET, SECRET_BYTES
from provisioning.codes import Code, CodedError

PATH: Final = "/claim/"
MOST_BYTES: Final = 32 * 1024
"""The most bytes of either side's message; a longer one is not read."""
MOST_REFUSAL_BYTES: Final = 8 * 1024
"""The most bytes of a `ClaimRefusal`, whose texts are shown whole."""
TERMS: Final = "data-sharing-1"
"""The name of `STATEMENT`. Other words need another name: consent is to words."""
STATEMENT: Final = enrol.STATEMENT()

Word = Annotated[str, Meta(max_length=200)]
Pem = Annotated[str, Meta(max_length=8192)]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Software and hardware of a box; each field is empty where the box does not know it."""

    software: Word = ""
    hostname: Word = ""
    hardware: Word = ""
    system: Word = ""
    machine: Word = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """A box's claim to its place in the portal.

    Attributes:
        key_id: The id of the agent key.
        secret: The secret of the agent key, 16 bytes.
        box: The box's id.
        csr: PKCS #10 in PEM: ``CN=<box>``, EC P-256, signed with the box's own key.
        terms: The name of the terms that were agreed to on the box; empty without consent.
    """

    version: Literal[1] = 1
    key_id: Annotated[str, Meta(pattern=rf"\A[{ALPHABET}]{{8}}\Z")]
    secret: Annotated[bytes, Meta(min_length=SECRET_BYTES, max_length=SECRET_BYTES)]
    box: Annotated[str, Meta(pattern=rf"\A{BOX_ID.pattern}\Z")]
    csr: Pem
    terms: Annotated[str, Meta(max_length=64)] = ""
    inventory: Inventory = Inventory()


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalRoot:
    """The portal's root certificate for boxes; not to be trusted before it fits a pin."""

    version: Literal[1] = 1
    root: Pem


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """The broker's address, and the authorities that the box trusts there."""

    url: Word
    mqtt: Literal["5", "3.1.1"]
    trust: Pem


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimGrant:
    """The answer to a claim that succeeded.

    Attributes:
        certificate: The box's certificate.
        chain: The certificates above it, the root last.
        gateway: The gateway's name in the portal; beside it its site and organization.
    """

    version: Literal[1] = 1
    box: str
    certificate: Pem
    chain: Annotated[tuple[Pem, ...], Meta(min_length=1, max_length=4)]
    broker: Broker
    gateway: Word = ""
    site: Word = ""
    organization: Word = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRefusal:
    """The answer to a claim that failed: a code of the catalogue, and details of this case.

    Attributes:
        why: The details, as `console.text.Message.to_json` writes them; ``None`` without any.
        cause: The catalogue's English text, a clause, for readers that do not have it, as ``next``.
    """

    code: int
    why: dict[str, Any] | None = None
    cause: str = ""
    next: str = ""


def encode(message: ClaimRequest | PortalRoot | ClaimGrant | ClaimRefusal) -> bytes:
    """Encode a message as JSON."""
    return msgspec.json.encode(message)


def decode(kind: type[T], body: bytes, *, wrong: Code) -> T:
    """Decode a message of this kind; raises `CodedError` with the code ``wrong``."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise CodedError(wrong, why=_invalid(kind, body)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CodedError(wrong, why=enrol.NOT_JSON()) from error


def _invalid(kind: type, body: bytes) -> Message:
    """What is wrong with a message: the first field that is missing or invalid."""
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return enrol.OTHER_FORM()
    if not isinstance(given, dict):
        return enrol.OTHER_FORM()
    types = get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        required = field.default is MISSING and field.default_factory is MISSING
        if field.name not in given:
            if required:
                return enrol.INVALID_FIELD(field=field.name)
            continue
        try:
            msgspec.convert(given[field.name], types[field.name])
        except msgspec.ValidationError:
            return enrol.INVALID_FIELD(field=field.name)
    return enrol.OTHER_FORM()
