"""The steps between signing in and the portal's pages: new documents, names, an organization.

Source: requirements E-3, E-9, E-10, E-18 and E-20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from console.templates import audit
from portal.accounts import documents
from portal.accounts.entry import AFTERWARDS, OUTSTANDING, REGISTERED, advance, person
from portal.accounts.language import remember_language
from portal.accounts.membership import accept, usable_invitation
from portal.accounts.models import Decision, User
from portal.accounts.sign_up_forms import ConsentForm, NameForm
from portal.accounts.sign_up_pages import INVITATION, documents_shown
from portal.audit.record import record

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: HttpRequest) -> HttpResponse:
    """New versions of documents, for a person who has an account."""
    user = person(request)
    asked = documents.outstanding(user)
    if not asked:
        return advance(request, user)
    form = ConsentForm(asked, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        documents.accept(user, asked, language=get_language() or "en")
        return advance(request, user)
    return render(request, "account/consent.html", {"shown": documents_shown(asked, form)})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """The language and the names, once, after the first sign-in."""
    user = person(request)
    form = NameForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
            record(
                audit.PERSON_EDIT,
                actor=user,
                organization=None,
                subject=("person", user.pk),
                after={"language": user.language},
            )
        request.session.pop(REGISTERED, None)
        response = advance(request, user)
        remember_language(response, user.language)
        return response
    return render(request, "account/welcome.html", {"form": form})


@never_cache
@require_http_methods(["GET", "HEAD"])
def start(request: HttpRequest) -> HttpResponse:
    """Create an organization, or ask to join one: without either the portal shows nothing."""
    user = person(request)
    if OUTSTANDING in request.session and user.memberships.exists():
        return advance(request, user)
    waiting = user.join_requests.filter(decision=Decision.PENDING).select_related("organization")
    return render(request, "account/start.html", {"waiting": waiting})


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """An invitation by its link. Opening it changes nothing: mail scanners open links, too."""
    found = usable_invitation(token)
    if found is None:
        return _private(render(request, "account/invitation_gone.html", status=410))
    user = request.user
    if request.method == "POST":
        request.session[INVITATION] = token
        if not user.is_authenticated:
            if request.POST.get("action") == "sign-in":
                request.session[AFTERWARDS] = request.path
                return _private(redirect("account_login"))
            return _private(redirect("sign-up"))
        if accept(person(request), token) is None:
            return _private(render(request, "account/invitation_gone.html", status=410))
        request.session.pop(INVITATION, None)
        request.session.pop(AFTERWARDS, None)
        return _private(advance(request, person(request)))
    context = {
        "invitation": found,
        "own": user.is_authenticated and user.email == found.email,
        "known": User.objects.filter(email=found.email).exists(),
    }
    return _private(render(request, "account/invitation.html", context))


def _private(response: HttpResponse) -> HttpResponse:
    # The address holds the token, which other sites do not learn.
    response.headers["Referrer-Policy"] = "strict-origin"
    return response
