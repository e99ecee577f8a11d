"""How this portal answers allauth's questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.adapter import DefaultAccountAdapter

if TYPE_CHECKING:
    from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth ships no types
    """Nobody signs up by themselves yet: an operator adds people."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        return False
