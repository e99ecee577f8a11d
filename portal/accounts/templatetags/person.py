"""The welcome of the first page: the previous sign-in, and a password that is about to expire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from portal.accounts.adapter import PREVIOUS_SIGN_IN
from portal.accounts.expiry import warned_until
from portal.accounts.security_pages import reader_zone

if TYPE_CHECKING:
    from django.template import Context

register = template.Library()


@register.inclusion_tag("account/_welcome.html", takes_context=True)
def welcome(context: Context) -> dict[str, Any]:
    """The person's name and when they signed in before this session (C-9)."""
    request = context["request"]
    return {
        "person": request.user,
        "previous": request.session.get(PREVIOUS_SIGN_IN),
        "zone": reader_zone(request.user),
    }


@register.inclusion_tag("account/_expiry.html", takes_context=True)
def password_warning(context: Context) -> dict[str, Any]:
    """That the password is about to expire, from seven days before (C-8)."""
    request = context["request"]
    return {"end": warned_until(request), "zone": reader_zone(request.user)}
