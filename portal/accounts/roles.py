"""What the billing role may open: usage, the organization and the own account, nothing else.

Pages about one thing are limited by ``visible_to``. Pages that list things would be empty for
billing; they are refused by the permission table instead, and the first page leads to usage.

Source: issue 14, "billing (reads usage, closes months, nothing else)".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect

from portal.accounts.models import Role
from portal.permissions import ACCESS, Audience

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest, HttpResponse, HttpResponseBase

    from portal.accounts.models import User

FIRST_PAGE = "overview"
_KNOWN = "_kanmon_roles"


def roles_of(user: User | AnonymousUser) -> frozenset[str]:
    """The roles of a person in the organizations that they belong to.

    The answer is kept with the user of a request: one query a page.
    """
    if not user.is_authenticated:
        return frozenset()
    known: frozenset[str] | None = getattr(user, _KNOWN, None)
    if known is None:
        known = frozenset(user.memberships.values_list("role", flat=True))
        setattr(user, _KNOWN, known)
    return known


def bills_only(user: User | AnonymousUser) -> bool:
    """Whether billing is this person's role in every organization that they belong to."""
    return roles_of(user) == {Role.BILLING}


def installs(user: User | AnonymousUser) -> bool:
    """Whether this person issues agent keys for an organization."""
    return not roles_of(user).isdisjoint({Role.ADMINISTRATOR, Role.INSTALLER})


class BillingRole:
    """Refuses the pages that the permission table keeps from the billing role."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], *_: object
    ) -> HttpResponse | None:
        """Lead billing from the first page to usage.

        Raises:
            PermissionDenied: The page is not for billing.
        """
        found = request.resolver_match
        access = ACCESS.get(found.url_name or "") if found else None
        if access is None or access.audience is not Audience.MEMBERS:
            return None
        if not bills_only(request.user):
            return None
        if found and found.url_name == FIRST_PAGE:
            return redirect("usage")
        raise PermissionDenied
