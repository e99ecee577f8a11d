"""What the authority refuses. Apart, so that who catches it loads no cryptography."""

from __future__ import annotations

from typing import Final

from console.text import MessageError, Template

RUN_AS_USER: Final = Template(
    "portal.run_as_user", "run the command as the user that the portal runs as"
)
LIBRARY_REASON: Final = Template(
    "authority.library_reason", "the cryptography library reports '{reason}'"
)


class AuthorityError(MessageError, ValueError):
    """Something an operator asked of the authority that cannot be done."""
