"""The pages with which an administrator invites people, changes their roles and removes them.

Source: requirements E-14 to E-17.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts import departure, joining, membership
from portal.accounts.actions import AccountError, may_operate
from portal.accounts.documents import JAPAN
from portal.accounts.entry import person
from portal.accounts.models import (
    ChangeRequest,
    Decision,
    Invitation,
    Membership,
    Organization,
    Role,
)
from portal.accounts.organization_forms import InvitationForm, OrganizationForm
from portal.accounts.second_factor import require_recent_sign_in
from portal.web.error_text import error_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest, organization: int) -> HttpResponse:
    """Invite a person by mail."""
    user = person(request)
    found = get_object_or_404(Organization.objects.administered_by(user), pk=organization)
    japan = found.country == JAPAN or (not found.country and get_language() == "ja")
    form = InvitationForm(request.POST or None, japan=japan, language=get_language() or "en")
    refused = ""
    if request.method == "POST" and form.is_valid():
        require_recent_sign_in(request)
        try:
            membership.invite(user, found, form.cleaned_data)
        except AccountError as error:
            refused = error_text(error)
        else:
            return redirect("organizations")
    context = {"form": form, "organization": found, "refused": refused}
    return render(request, "account/invite_member.html", context, status=409 if refused else 200)


def _own_invitation(request: HttpRequest, invitation: int) -> Invitation:
    return get_object_or_404(Invitation.objects.administered_by(person(request)), pk=invitation)


@require_POST
def invitation_resend(request: HttpRequest, invitation: int) -> HttpResponse:
    """Send an invitation again."""
    found = _own_invitation(request, invitation)
    return _done(request, lambda: membership.resend(person(request), found))


@require_POST
def invitation_withdraw(request: HttpRequest, invitation: int) -> HttpResponse:
    """Take an invitation back."""
    found = _own_invitation(request, invitation)
    return _done(request, lambda: membership.withdraw(person(request), found))


def _own_member(request: HttpRequest, member: int) -> Membership:
    administered = Organization.objects.administered_by(person(request))
    scope = Membership.objects.select_related("user", "organization")
    return get_object_or_404(scope.filter(organization__in=administered), pk=member)


@require_POST
def member_role(request: HttpRequest, member: int) -> HttpResponse:
    """Give a member another role."""
    found = _own_member(request, member)
    role = request.POST.get("role", "")
    if role not in Role.values:
        return redirect("organizations")
    require_recent_sign_in(request)
    return _done(request, lambda: membership.change_role(person(request), found, Role(role)))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def member_remove(request: HttpRequest, member: int) -> HttpResponse:
    """Remove a member, after a page that says what will happen; a member may leave, too."""
    user = person(request)
    own = user.memberships.select_related("user", "organization").filter(pk=member).first()
    found = own or _own_member(request, member)
    if request.method == "POST":
        require_recent_sign_in(request)
        return _done(request, lambda: membership.remove(user, found))
    context = {
        "member": found,
        "own": own is not None,
        "consequences": departure.describe(found.user, found.organization),
    }
    return render(request, "account/member_remove.html", context)


def _done(request: HttpRequest, act: Callable[[], None]) -> HttpResponse:
    """Do it and go back to the list, or say why it is refused."""
    try:
        act()
    except AccountError as error:
        context = {"refused": error_text(error)}
        return render(request, "account/refused.html", context, status=409)
    return redirect("organizations")


@require_safe
def change_requests(request: HttpRequest) -> HttpResponse:
    """The changes of organizations that wait for an operator, and the last that were decided."""
    if not may_operate(person(request)):
        raise PermissionDenied
    every = ChangeRequest.objects.select_related("organization", "requested_by", "decided_by")
    labels = {name: field.label for name, field in OrganizationForm.base_fields.items()}

    def shown(found: ChangeRequest) -> dict[str, object]:
        rows = [
            (labels[key], getattr(found.organization, key), value)
            for key, value in found.changes.items()
        ]
        return {"request": found, "rows": rows}

    waiting = [shown(each) for each in every.filter(decision=Decision.PENDING)]
    decided = every.exclude(decision=Decision.PENDING).order_by("-decided_at")[:50]
    context = {"waiting": waiting, "decided": decided}
    return render(request, "account/change_requests.html", context)


@require_POST
def change_decide(request: HttpRequest, change: int) -> HttpResponse:
    """Approve or refuse a change of an organization."""
    user = person(request)
    if not may_operate(user):
        raise PermissionDenied
    found = get_object_or_404(ChangeRequest.objects.select_related("organization"), pk=change)
    require_recent_sign_in(request)
    try:
        joining.decide_change(user, found, approve=request.POST.get("decision") == "approve")
    except AccountError as error:
        context = {"refused": error_text(error)}
        return render(request, "account/refused.html", context, status=409)
    return redirect("change-requests")
