"""An authenticator app as a person has it: RFC 6238, computed here and not by a library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import time
from typing import TYPE_CHECKING

from django.urls import reverse

if TYPE_CHECKING:
    from django.test import Client


def code_at(secret: str, at_s: float) -> str:
    """The code of six digits that an app shows at a moment."""
    digest = hmac.new(
        base64.b32decode(secret), struct.pack(">Q", int(at_s) // 30), hashlib.sha1
    ).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def set_up_app(client: Client) -> str:
    """Set up an authenticator app for who is signed in; the secret."""
    page = client.get(reverse("mfa_activate_totp")).content.decode()
    found = re.search(r'class="totp-key">([A-Z2-7]+)<', page)
    assert found
    code = code_at(found[1], time.time() - 30)
    done = client.post(reverse("mfa_activate_totp"), {"code": code})
    assert done.status_code == 302, done.content.decode()
    return found[1]
