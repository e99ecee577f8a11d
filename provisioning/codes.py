"""The failures of enrolment: for each a number, the cause and the next step.

The same texts stand on the box's setup page, on its console and in the portal; an installer reads
the number out on the telephone, so it never changes its meaning and is never used again.

====== ========================= ====== ==========================
11xx   network                   22xx   approval (none yet)
12xx   clock                     23xx   issuing the certificate
13xx   TLS                       24xx   the box's storage
21xx   agent key and consent     25xx   renewal, replacement (none yet)
..     ..                        26xx   offline enrolment (none yet)
====== ========================= ====== ==========================

Source: design section 6; requirement E-28. ``docs/reference/codes.md`` is written from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from console.templates import code as texts
from console.templates import enrol
from console.text import NO_MESSAGE, Message, MessageError


class Code(IntEnum):
    """The number of a failure."""

    NAME_NOT_FOUND = 1101
    NO_CONNECTION = 1102
    NO_ANSWER = 1103
    BROKEN_OFF = 1104
    NOT_THE_PORTAL = 1105
    UNAVAILABLE = 1106
    CLOCK_BEHIND = 1201
    CLOCK_AHEAD = 1202
    OTHER_ROOT = 1301
    OTHER_ISSUER = 1302
    OTHER_HOST = 1303
    NO_TLS = 1304
    KEY_MISTYPED = 2101
    NO_KEY = 2102
    ADDRESS_MISTYPED = 2103
    KEY_UNKNOWN = 2104
    KEY_EXPIRED = 2105
    KEY_USED_UP = 2106
    KEY_REVOKED = 2107
    NO_CONSENT = 2108
    TOO_OFTEN = 2109
    OTHER_TERMS = 2110
    BAD_REQUEST = 2301
    BAD_CSR = 2302
    BOX_TAKEN = 2303
    PLACE_TAKEN = 2304
    BOX_REVOKED = 2305
    NO_AUTHORITY = 2306
    BAD_CERTIFICATE = 2307
    OTHER_REASON = 2308
    NOT_WRITABLE = 2401
    DISK_FULL = 2402
    DAMAGED = 2403
    OTHER_PORTAL = 2404
    KEY_EXPOSED = 2405
    UNTRUSTED_PATH = 2406


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeEntry:
    """Cause and next step of a failure; both are without arguments."""

    cause: Message
    next: Message


class CodedError(MessageError):
    """A step of enrolment that failed.

    Args:
        code: The number, which is the error's cause and next step.
        where: A file or a folder, where it is about one.
        why: The details of this case; never a secret.

    Attributes:
        number: The code, as `console.text.MessageError` has it.
    """

    def __init__(self, code: Code, *, where: str = "", why: Message = NO_MESSAGE) -> None:
        entry = CATALOGUE[code]
        super().__init__(entry.cause, where=where, why=why, next_step=entry.next)
        self.code = code
        self.number = code.value

    def __str__(self) -> str:
        return f"{self.code.value}: {super().__str__()}"


class PortalRefusalError(CodedError):
    """A refusal whose number only a newer portal knows: its own English texts are shown.

    Args:
        number: The portal's number of the reason.
        cause: The portal's text of it; ``""`` where it sent none.
        why: The details of this case.
        next_step: What the portal says to do; the general step where it says nothing.
    """

    def __init__(self, number: int, *, cause: str, why: Message, next_step: Message) -> None:
        super().__init__(Code.OTHER_REASON, why=why)
        self.number = number
        if cause:
            self.what = enrol.PORTAL_REFUSAL(cause=cause)
        if next_step:
            self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.number}: {MessageError.__str__(self)}"


CATALOGUE: Final = {
    code: CodeEntry(
        cause=vars(texts)[code.name](),
        next=vars(texts)[f"{code.name}_NEXT"](),
    )
    for code in Code
}
"""Cause and next step of every code, as `console.templates.code` has them by its name."""
