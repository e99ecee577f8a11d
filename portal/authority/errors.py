"""What the authority refuses. Apart, so that who catches it loads no cryptography."""

from __future__ import annotations


class AuthorityError(ValueError):
    """Something an operator asked of the authority that cannot be; says why and what next."""
