"""The agent key, which an installer types or scans so that a box may claim its place. Pure text.

::

    K1-5GX0R-...-8MCT2-Q7VKD@portal.example.com:8443
    |  |         |     |     `- where to claim: host[:port] over TLS, or a whole http://127.0.0.1:N
    |  |         |     `------- group 15: checks the address
    |  `---------`------------- groups 1-14: 280 bits: key id 40, secret 128, pin 112
    `-------------------------- form 1

A group is four digits and a check digit, each of 32 letters and figures that cannot be taken for
one another (no I, L, O, U; read as 1, 1, 0 and refused). Case, spaces and hyphens do not matter.

The check digits are over GF(32), with powers of a primitive element as weights, seeded with the
group's number. So every single wrong character, every two neighbours swapped, and every two groups
swapped are found without asking anybody, and the group is named. The address is checked by a
polynomial modulo a prime just below 2**20: the same two slips are always found, others but once in
a million.

The pin is the beginning of the SHA-256 of the SubjectPublicKeyInfo of the portal's root for boxes
(as RFC 7469 hashes it). 112 bits: who wants another root with the same pin has to make 2**112
keys; nobody gains by two roots that collide, since only the portal names one.

Source: design section 6; requirement E-25.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from console.templates import enrol
from console.text import Message
from provisioning.codes import Code, CodedError

PREFIX: Final = "K1"
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ID_BITS: Final = 40
SECRET_BYTES: Final = 16
PIN_BYTES: Final = 14
GROUPS: Final = 15
GROUP: Final = 5
"""Characters of a group, its check digit included."""

_MISREAD: Final = str.maketrans("OIL", "011")
_GROUP_BITS: Final = 20
_PRIME: Final = 1_048_573  # the largest below 2**20
_BASE: Final = 257
_ADDRESS: Final = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?"
)
_ID: Final = re.compile(f"[{ALPHABET}]{{8}}")


class AgentKeyError(CodedError):
    """A text that is not an agent key, or a mistyped one.

    ``group`` is the wrong group's number from 1; `None` where the error is not in one group.
    """

    def __init__(self, code: Code, why: Message, group: int | None = None) -> None:
        super().__init__(code, why=why)
        self.group = group


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentKey:
    """The fields of an agent key.

    Attributes:
        id: Eight characters of `ALPHABET`; names the key in lists and logs, and is no secret.
        secret: 16 random bytes.
        pin: 14 bytes, as `pin_of` makes them.
        address: ``https://host[:port]``, or ``http://`` and this machine; the claim is posted to
            ``/claim/`` there.

    Raises:
        AgentKeyError: From the constructor, for a field that is not as said.
    """

    id: str
    secret: bytes = field(repr=False)
    pin: bytes
    address: str

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise AgentKeyError(Code.NO_KEY, enrol.KEY_ID(id=self.id))
        if len(self.secret) != SECRET_BYTES or len(self.pin) != PIN_BYTES:
            raise AgentKeyError(Code.NO_KEY, enrol.KEY_FIELDS())
        if self.address != check_address(self.address):
            raise AgentKeyError(Code.ADDRESS_MISTYPED, enrol.LONG_ADDRESS(address=self.address))

    @property
    def secret_digest(self) -> str:
        """The SHA-256 of the secret in hexadecimal, which the portal keeps instead of it.

        The secret is 128 random bits, so that a slow hash would add nothing.
        """
        return digest_of(self.secret)

    @property
    def plain(self) -> bool:
        """Whether the claim travels without TLS; only ever on this machine."""
        return self.address.startswith("http:")

    def __str__(self) -> str:
        number = int.from_bytes(self.secret + self.pin)
        number |= _number(self.id) << 8 * (SECRET_BYTES + PIN_BYTES)
        shown = self.address.removeprefix("https://")
        values = [number >> _GROUP_BITS * place & 0xFFFFF for place in reversed(range(GROUPS - 1))]
        values.append(_address_check(shown))
        groups = [_group(value, place) for place, value in enumerate(values, 1)]
        return "-".join([PREFIX, *groups]) + f"@{shown}"


def new_id() -> str:
    """Make a random key id, eight characters of `ALPHABET`."""
    return _digits(secrets.randbits(ID_BITS), ID_BITS // 5)


def new_secret() -> bytes:
    """Make a random secret of `SECRET_BYTES` bytes."""
    return secrets.token_bytes(SECRET_BYTES)


def pin_of(spki: bytes) -> bytes:
    """The pin of a root by its SubjectPublicKeyInfo in DER."""
    return sha256(spki).digest()[:PIN_BYTES]


def digest_of(secret: bytes) -> str:
    """The SHA-256 of ``secret`` in hexadecimal, as `AgentKey.secret_digest`."""
    return sha256(secret).hexdigest()


def rows(text: str) -> list[str]:
    """A key in the form it is printed in: three rows of five groups, then the address."""
    groups, _, address = text.partition("@")
    parts = groups.split("-")[1:]
    spread = ["  ".join(parts[start : start + 5]) for start in range(0, len(parts), 5)]
    return [PREFIX, *spread, f"@{address}"]


def check_address(text: str) -> str:
    """A claim address in its short form, ``scheme://host[:port]`` in small letters.

    Raises:
        AgentKeyError: It has a path, another scheme, an unusable host or port; or it is plain HTTP
            to another machine, which would show the secret to the network.
    """
    address = text.strip().lower().removesuffix("/")
    found = _ADDRESS.fullmatch(address)
    port = found[3] if found else None
    if not found or ".." in found[2] or (port and not 0 < int(port) < 65_536):
        raise AgentKeyError(Code.ADDRESS_MISTYPED, enrol.INVALID_ADDRESS(address=text))
    if found[1] == "http" and not is_this_machine(urlsplit(address).hostname or ""):
        raise AgentKeyError(Code.ADDRESS_MISTYPED, enrol.PLAIN_HTTP(address=text))
    return address


def is_this_machine(host: str) -> bool:
    """Whether a host name or address can only mean the machine that asks."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse(text: str) -> AgentKey:
    """Parse an agent key; case, spaces and hyphens do not matter.

    Raises:
        AgentKeyError: 2102: the text is not a whole key, 2101: a group is mistyped, 2103: the
            address is.
    """
    # A Japanese keyboard types full-width letters; to its user they are the same.
    groups, at, address = unicodedata.normalize("NFKC", text).strip().partition("@")
    groups = groups.upper()
    if not at or groups[: len(PREFIX)].translate(_MISREAD) != PREFIX:
        raise AgentKeyError(Code.NO_KEY, enrol.KEY_FORM())
    values = [_value(group, place) for place, group in enumerate(_groups(groups[len(PREFIX) :]), 1)]
    shown = address.strip().lower().removeprefix("https://").removesuffix("/")
    if not shown.isascii() or _address_check(shown) != values[-1]:
        raise AgentKeyError(Code.ADDRESS_MISTYPED, _wrong_address(shown), GROUPS)
    number = 0
    for value in values[:-1]:
        number = number << _GROUP_BITS | value
    secret_and_pin = (number & (1 << 8 * (SECRET_BYTES + PIN_BYTES)) - 1).to_bytes(
        SECRET_BYTES + PIN_BYTES
    )
    return AgentKey(
        id=_digits(number >> 8 * (SECRET_BYTES + PIN_BYTES), ID_BITS // 5),
        secret=secret_and_pin[:SECRET_BYTES],
        pin=secret_and_pin[SECRET_BYTES:],
        address=check_address(shown if "://" in shown else f"https://{shown}"),
    )


def _wrong_address(address: str) -> Message:
    """A mistyped address, where it looks like one: else it may be a second key, pasted behind."""
    whole = address if "://" in address else f"https://{address}"
    known = _ADDRESS.fullmatch(whole) is not None
    return enrol.ADDRESS(address=f"@{address}") if known else enrol.NO_ADDRESS()


def _groups(text: str) -> list[str]:
    """The groups; what stands between them says which one has lost or gained a character."""
    parts = [part for part in re.split(r"[\s-]+", text) if part]
    whole = "".join(parts)
    if len(whole) == GROUP * GROUPS:
        return [whole[start : start + GROUP] for start in range(0, len(whole), GROUP)]
    if len(parts) == GROUPS:
        for place, part in enumerate(parts, 1):
            if len(part) != GROUP:
                raise AgentKeyError(
                    Code.KEY_MISTYPED,
                    enrol.GROUP_LENGTH(group=place, number=len(part), expected=GROUP),
                    place,
                )
    why = enrol.KEY_LENGTH(number=len(PREFIX) + len(whole), expected=len(PREFIX) + GROUP * GROUPS)
    raise AgentKeyError(Code.NO_KEY, why)


def _value(group: str, place: int) -> int:
    """The 20 bits of a group; raises `AgentKeyError` where its check digit does not fit.

    The error names the group by its number, never by its text: most of it is the secret, and
    errors end in logs and on screens that are photographed.
    """
    read = group.translate(_MISREAD)
    strange = next((at for at, digit in enumerate(read, 1) if digit not in ALPHABET), None)
    if strange is not None:
        why = enrol.GROUP_CHARACTER(group=place, position=strange)
        raise AgentKeyError(Code.KEY_MISTYPED, why, place)
    if _syndrome(read, place) != 0:
        raise AgentKeyError(Code.KEY_MISTYPED, enrol.GROUP(group=place), place)
    return _number(read[:-1])


def _group(value: int, place: int) -> str:
    digits = _digits(value, GROUP - 1)
    return digits + ALPHABET[_times_alpha(_syndrome(digits, place))]


def _syndrome(digits: str, place: int) -> int:
    """Horner's scheme over GF(32) at its primitive element; 0 for a whole group that fits."""
    result = place
    for digit in digits:
        result = _times_alpha(result) ^ ALPHABET.index(digit)
    return result


def _times_alpha(value: int) -> int:
    """Multiply by the root of x^5 + x^2 + 1, whose powers are all 31 elements but 0."""
    shifted = value << 1
    return shifted ^ 0b100101 if shifted & 0b100000 else shifted


def _address_check(shown: str) -> int:
    result = 1  # so that leading characters count however small they are
    for character in shown:
        result = (result * _BASE + ord(character)) % _PRIME
    return result


def _number(digits: str) -> int:
    result = 0
    for digit in digits:
        result = result << 5 | ALPHABET.index(digit)
    return result


def _digits(number: int, count: int) -> str:
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(count)))
