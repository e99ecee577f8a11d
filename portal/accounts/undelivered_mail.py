"""Mails of an organization that were not delivered, for its administrators.

An invitation, or a code, that never arrived looks like a person who does not answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.core.exceptions import PermissionDenied
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.accounts.models import Organization
from portal.notifications.models import KEPT, Mail

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User

LISTED: Final = 100
"""Mails on the page, at most; the newest."""


def undelivered_mails(user: User | AnonymousUser) -> QuerySet[Mail]:
    """The mails that were refused or given up, of the organizations that ``user`` administers."""
    organizations = Organization.objects.administered_by(user)
    return Mail.objects.undelivered().filter(organization__in=organizations.values("pk"))


@require_safe
def undelivered_mail_page(request: HttpRequest) -> HttpResponse:
    """The mails that were not delivered, newest first."""
    if not request.user.is_authenticated:
        raise PermissionDenied
    if not Organization.objects.administered_by(request.user).exists():
        raise PermissionDenied
    mails = undelivered_mails(request.user).order_by("-settled_at", "-pk")[:LISTED]
    context = {"mails": mails, "days": KEPT.days, "zone": request.user.time_zone}
    return render(request, "accounts/undelivered_mail.html", context)
