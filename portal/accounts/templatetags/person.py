"""What a person is told after signing in: the previous sign-in, and a password about to expire.

The welcome is on the first page, which is usage for the billing role. The warning is on every page
(``base.html``): a sign-in leads to whichever page was asked for.
"""

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
    """That the password is about to expire, from seven days before (C-8); costs no query."""
    request = context["request"]
    return {"end": warned_until(request), "zone": reader_zone(request.user)}
