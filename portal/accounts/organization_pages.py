"""The pages of an organization: its information and members, a new one, joining one.

Source: requirements E-11 to E-16, E-19 and E-20.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts import joining
from portal.accounts.actions import AccountError
from portal.accounts.countries import address_order, countries, country_name
from portal.accounts.documents import JAPAN
from portal.accounts.entry import AFTERWARDS, OUTSTANDING, advance, belongs, person
from portal.accounts.models import ChangeRequest, Decision, JoinRequest, Organization, Role
from portal.accounts.organization_forms import JoinForm, OrganizationForm, ReasonForm
from portal.accounts.second_factor import require_recent_sign_in
from portal.web.error_text import error_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import Invitation, Membership, User

_LISTED: Final = 200
"""The most members and the most invitations of an organization that the page lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationView:
    """An organization as one of its members sees it.

    Attributes:
        members: Administrators first, then by name.
        sole_administrator: Whether only one person administers it: at least two should (E-15).
        administers: Whether the reader does.
        invitations: Not accepted yet, and the last that were; administrators see them.
        requests: Of people who ask to join; administrators see them.
        change: That waits for an operator.
    """

    organization: Organization
    members: Sequence[Membership]
    sole_administrator: bool
    administers: bool
    invitations: Sequence[Invitation]
    requests: Sequence[JoinRequest]
    change: ChangeRequest | None

    @property
    def address(self) -> list[str]:
        """The parts of the address that are known, in the order of its country."""
        of = self.organization
        names = address_order(of.country)
        parts = [country_name(of.country) if n == "country" else getattr(of, n) for n in names]
        return [part for part in parts if part]

    @property
    def invitation_url(self) -> str:
        """The address with which a person finds the organization in order to join it."""
        return f"{settings.PORTAL_URL}{reverse('invite')}?groupid={self.organization.public_id}"


def organization_views(user: User) -> list[OrganizationView]:
    """The organizations that ``user`` is a member of."""
    every = Organization.objects.of_member(user).prefetch_related("memberships__user")
    return [_view(each, user) for each in every]


def _view(each: Organization, user: User) -> OrganizationView:
    members = sorted(
        each.memberships.all(), key=lambda m: (m.role != Role.ADMINISTRATOR, str(m.user))
    )
    administrators = [m.user_id for m in members if m.role == Role.ADMINISTRATOR]
    administers = user.pk in administrators
    requests = each.join_requests.filter(decision=Decision.PENDING).select_related("user")
    return OrganizationView(
        organization=each,
        members=members[:_LISTED],
        sole_administrator=len(administrators) == 1,
        administers=administers,
        invitations=list(each.invitations.all()[:_LISTED]) if administers else [],
        requests=list(requests) if administers else [],
        change=each.change_requests.filter(decision=Decision.PENDING).first(),
    )


@require_safe
def organizations(request: HttpRequest) -> HttpResponse:
    """The information, the members and the invitations of the reader's organizations."""
    views = organization_views(person(request))
    roles = [(role.value, role.label) for role in Role]
    return render(request, "account/organizations.html", {"organizations": views, "roles": roles})


def _country(request: HttpRequest, otherwise: str) -> str:
    asked = (request.POST.get("country") or request.GET.get("country") or otherwise).upper()
    return asked if asked in countries("en") else JAPAN


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """A new organization: the form, then every value again, then the organization."""
    user = person(request)
    country = _country(request, user.region)
    form = OrganizationForm(request.POST or None, country=country)
    context: dict[str, Any] = {"form": form, "confirm": False, "refused": ""}
    step = request.POST.get("step")
    # Another country has another form: what was entered stays, and nothing is judged yet.
    if request.method == "POST" and step == "country":
        context["form"] = OrganizationForm(initial=request.POST.dict(), country=country)
    elif request.method == "POST" and step != "back" and form.is_valid():
        context["confirm"] = step != "confirmed"
        if step == "confirmed":
            try:
                joining.create_organization(user, form.cleaned_data)
            except AccountError as error:
                context["refused"] = error_text(error)
            else:
                return advance(request, user)
        context["values"] = form.values_in_words()
    elif step == "back":
        context["form"] = OrganizationForm(initial=request.POST.dict(), country=country)
    return render(request, "account/organization_create.html", context)


@login_not_required
@require_safe
def invite_address(request: HttpRequest) -> HttpResponse:
    """The invitation URL of an organization: leads to joining it, after signing in or up."""
    place = reverse("organization-join")
    if wanted := request.GET.get("groupid", ""):
        found = JoinForm({"organization": wanted})
        if found.is_valid():
            place += f"?organization={found.cleaned_data['organization']}"
    if request.user.is_authenticated:
        return redirect(place)
    request.session[AFTERWARDS] = place
    return render(request, "account/invite.html")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """Ask to join: the id, then the name of the organization, then the request."""
    user = person(request)
    given = request.POST if request.method == "POST" else request.GET
    form = JoinForm(given if "organization" in given else None)
    context: dict[str, Any] = {"form": form, "found": None, "refused": "", "searched": False}
    if form.is_bound and form.is_valid():
        found = _by_public_id(form.cleaned_data["organization"])
        context |= {"found": found, "searched": True}
        if request.method == "POST" and found is not None:
            try:
                joining.request_join(user, found)
            except AccountError as error:
                context["refused"] = error_text(error)
            else:
                return redirect("start")
    status = 404 if context["searched"] and context["found"] is None else 200
    return render(request, "account/organization_join.html", context, status=status)


def _by_public_id(public_id: UUID) -> Organization | None:
    return Organization.objects.filter(public_id=public_id).first()


@require_POST
def join_withdraw(request: HttpRequest, asked: int) -> HttpResponse:
    """Take back one's own request to join."""
    user = person(request)
    found = get_object_or_404(user.join_requests.all(), pk=asked)
    joining.withdraw_join(user, found.pk)
    return redirect(
        "organizations" if belongs(user) and OUTSTANDING not in request.session else "start"
    )


@require_POST
def join_decide(request: HttpRequest, asked: int) -> HttpResponse:
    """Approve or refuse a person's request to join."""
    user = person(request)
    administered = Organization.objects.administered_by(user)
    found = get_object_or_404(JoinRequest.objects.filter(organization__in=administered), pk=asked)
    role = request.POST.get("role", "")
    require_recent_sign_in(request)
    try:
        joining.decide_join(
            user,
            found,
            approve=request.POST.get("decision") == "approve",
            role=Role(role) if role in Role.values else Role.USER,
        )
    except AccountError as error:
        return render(request, "account/refused.html", {"refused": error_text(error)}, status=409)
    return redirect("organizations")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, organization: int) -> HttpResponse:
    """Ask the operators to change what identifies the organization, or take that back."""
    user = person(request)
    found = get_object_or_404(Organization.objects.administered_by(user), pk=organization)
    waiting = found.change_requests.filter(decision=Decision.PENDING).first()
    country = _country(request, found.country)
    form = OrganizationForm(request.POST or None, instance=found, country=country)
    reason = ReasonForm(request.POST or None)
    context: dict[str, Any] = {"form": form, "reason": reason, "waiting": waiting, "refused": ""}
    context["organization"] = found
    if request.method == "POST":
        try:
            if waiting is not None and request.POST.get("action") == "withdraw":
                joining.withdraw_change(user, waiting)
                return redirect("organizations")
            if form.is_valid() and reason.is_valid():
                joining.request_change(
                    user, found, form.cleaned_data, reason.cleaned_data["reason"]
                )
                return redirect("organizations")
        except AccountError as error:
            context["refused"] = error_text(error)
    status = 409 if context["refused"] else 200
    return render(request, "account/organization_change.html", context, status=status)
