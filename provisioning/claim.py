"""What a box and the portal say to each other when the box claims its place. Pure: JSON in and out.

::

    box                                                    portal
     |  GET /claim/        (nothing is believed yet)          |
     |------------------------------------------------------->|
     |<-------------------------------------------- Welcome --|  its root; must fit the key's pin
     |                                                        |
     |  POST /claim/  Request    (TLS, by that root only)     |
     |------------------------------------------------------->|
     |<-------------------------- Granted, or Refused + code --|

Asking again with the same public key gets the same answer: a claim can be repeated after any loss.
Bytes travel as Base64, certificates as PEM. A reader ignores fields that it does not know.

Source: design section 6; RFC 7030 for the order of things (cacerts, then simpleenroll).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from cloud_link.topics import BOX_ID
from provisioning.agent_key import ALPHABET, SECRET_BYTES
from provisioning.codes import Code, CodedError

PATH: Final = "/claim/"
MOST_BYTES: Final = 32 * 1024
"""Of either side's message; more is not read."""
TERMS: Final = "data-sharing-1"
"""The name of `STATEMENT`. Other words need another name: consent is to words."""
STATEMENT: Final = (
    "This box will send to the portal what the devices configured on it report: readings, "
    "conditions, supplies, and maker, model and serial number. It will also send its own "
    "configuration (secrets excepted), its health, host name, hardware and software version. "
    "It sends nothing else, and stops when its certificate is revoked."
)

Word = Annotated[str, Meta(max_length=200)]
Pem = Annotated[str, Meta(max_length=8192)]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What a box is; empty where it does not know."""

    software: Word = ""
    hostname: Word = ""
    hardware: Word = ""
    system: Word = ""
    machine: Word = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A box's claim.

    Attributes:
        key_id: Of the agent key.
        secret: Of the agent key; 16 bytes.
        box: The box's id.
        csr: PKCS #10 in PEM: ``CN=<box>``, EC P-256, signed with the box's own key.
        terms: The name of what was agreed to on the box; empty where nobody agreed.
    """

    version: Literal[1] = 1
    key_id: Annotated[str, Meta(pattern=rf"\A[{ALPHABET}]{{8}}\Z")]
    secret: Annotated[bytes, Meta(min_length=SECRET_BYTES, max_length=SECRET_BYTES)]
    box: Annotated[str, Meta(pattern=rf"\A{BOX_ID.pattern}\Z")]
    csr: Pem
    terms: Annotated[str, Meta(max_length=64)] = ""
    inventory: Inventory = Inventory()


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The portal's root for boxes; whoever reads it compares it with a pin before believing it."""

    version: Literal[1] = 1
    root: Pem


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where a box sends, and whose certificates it believes there."""

    url: Word
    mqtt: Literal["5", "3.1.1"]
    trust: Pem


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The box has its name.

    Attributes:
        certificate: The box's.
        chain: What vouches for it, the root last.
        gateway: What people call it in the portal; beside it site and organization.
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
class Refused:
    """The box does not have it: `code` of the catalogue, with what only this case knows.

    ``cause`` and ``next`` are the catalogue's words, for who reads the answer without having it.
    """

    code: int
    detail: Word = ""
    cause: str = ""
    next: str = ""


def encode(message: Request | Welcome | Granted | Refused) -> bytes:
    """A message as it travels."""
    return msgspec.json.encode(message)


def decode(kind: type[T], body: bytes, *, wrong: Code) -> T:
    """A message of this kind; raises `CodedError` ``wrong`` with what is wrong in it."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CodedError(wrong, str(error)[:200]) from error
