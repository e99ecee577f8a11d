"""The key that signs the heads of the chains: Ed25519, in the state folder, made on first need."""

from __future__ import annotations

import base64
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from portal.environment.state_folder import audit_key

if TYPE_CHECKING:
    from pathlib import Path


def sign(content: bytes) -> str:
    """The signature in base64.

    Raises:
        SettingsError: The key cannot be made or read.
        ExposedError: The key is open to other accounts, and not ours to close.
    """
    return base64.b64encode(_key(settings.STATE).sign(content)).decode("ascii")


def verifies(signature: str, content: bytes) -> bool:
    """Whether this portal's key has signed this content."""
    return verifies_with(_key(settings.STATE).public_key(), signature, content)


def verifies_with(key: Ed25519PublicKey, signature: str, content: bytes) -> bool:
    """Whether a key has signed this content."""
    try:
        key.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_key() -> str:
    """The public key, its 32 bytes in base64: with it anybody can check a signed head."""
    raw = _key(settings.STATE).public_key().public_bytes_raw()
    return base64.b64encode(raw).decode("ascii")


def key_id() -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the public key: which key has signed."""
    return sha256(_key(settings.STATE).public_key().public_bytes_raw()).hexdigest()[:16]


@lru_cache(maxsize=4)
def _key(state: Path) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(audit_key(state))
