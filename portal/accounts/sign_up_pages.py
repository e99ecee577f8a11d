"""Signing up, page by page: documents, address and password, code.

Whether an address has an account is said by mail to that address and on no page: every page and
every status is the same for both, and so is the work done before it (`portal.accounts.sign_up`).

Source: requirements E-2 to E-8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.signup import complete_signup
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal.accounts import documents, tries
from portal.accounts.countries import countries, country_choices, country_name
from portal.accounts.entry import REGISTERED
from portal.accounts.language import remember_language
from portal.accounts.membership import accept, usable_invitation
from portal.accounts.sign_up import (
    SignUp,
    create_account,
    keep_consent,
    kept_consent,
    registration_of,
)
from portal.accounts.sign_up_forms import CodeForm, ConsentForm, SignUpForm
from portal.web.moments import milliseconds

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import Document, Invitation

INVITATION: Final = "invitation"
"""The session's key of the invitation whose link was opened."""


def documents_shown(asked: list[Document], form: ConsentForm) -> list[dict[str, Any]]:
    """The documents with their texts in the reader's language, and their checkboxes."""
    language = get_language() or "en"
    return [
        {
            "document": one,
            "paragraphs": one.text(language).split("\n\n"),
            "field": form[f"document-{one.pk}"],
        }
        for one in asked
    ]


def _invitation(request: HttpRequest) -> Invitation | None:
    token = request.session.get(INVITATION, "")
    return usable_invitation(token) if token else None


def _region(request: HttpRequest) -> str:
    """The country of the documents: the one that was chosen, else the likeliest."""
    asked = (request.POST.get("region") or request.GET.get("region") or "").upper()
    if asked in countries("en"):
        return asked
    return documents.JAPAN if get_language() == "ja" else "US"


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def consent_first(request: HttpRequest) -> HttpResponse:
    """The documents of a country, before anything is entered."""
    if request.user.is_authenticated:
        return redirect("overview")
    region = _region(request)
    asked = documents.current_documents(region)
    form = ConsentForm(asked, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        keep_consent(request, [one.pk for one in asked], region)
        return redirect("sign-up-account")
    context = {
        "shown": documents_shown(asked, form),
        "region": region,
        "regions": country_choices(),
        "invitation": _invitation(request),
    }
    return render(request, "account/sign_up.html", context)


@login_not_required
@never_cache
@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """The address and the password; sends the code."""
    if request.user.is_authenticated:
        return redirect("overview")
    kept = kept_consent(request)
    if kept is None:
        return redirect("sign-up")
    invitation = _invitation(request)
    email = invitation.email if invitation else ""
    language = get_language() or settings.LANGUAGE_CODE
    status = 200
    form = SignUpForm(email=email, language=language)
    if request.method == "POST":
        form = SignUpForm(request.POST, email=email, language=language)
        if form.is_valid():
            given = form.cleaned_data
            kinds = [
                (tries.SIGN_UPS, given["email"]),
                (tries.NETWORK_SIGN_UPS, ratelimit.get_ip(request)),
            ]
            if tries.count_try(kinds, milliseconds(timezone.now())) is not None:
                registration = registration_of(
                    kept,
                    email=given["email"],
                    password=given["password1"],
                    language=given["language"],
                )
                SignUp.begin(request, registration)
                response = redirect("sign-up-code")
                remember_language(response, registration.language)
                return response
            form.add_error(None, _("Too many codes were requested. Try again in five minutes."))
            status = 429
    context = {"form": form, "region": country_name(kept["region"]), "invitation": invitation}
    return render(request, "account/sign_up_account.html", context, status=status)


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The code from the mail; the right one makes the account and signs in."""
    if request.user.is_authenticated:
        return redirect("overview")
    process = SignUp.resume(request)
    if process is None:
        return render(request, "account/sign_up_ended.html", {"expired": True}, status=410)
    form = CodeForm(request.POST or None)
    if request.method == "POST":
        if request.POST.get("action") == "resend":
            return _resend(request, process)
        if form.is_valid():
            if process.matches(form.cleaned_data["code"]):
                return _finish(request, process)
            if SignUp.resume(request) is None:
                return render(request, "account/sign_up_ended.html", status=403)
            form.add_error("code", _("The code is incorrect."))
    context = {"form": form, "process": process, "sender": _sender()}
    return render(request, "account/sign_up_code.html", context)


def _sender() -> str:
    """The address that mails come from, which a person's mail program must let through."""
    found = settings.ENVIRONMENT.mail_from
    return found[1] if found else ""


def _resend(request: HttpRequest, process: SignUp) -> HttpResponse:
    kinds = [(tries.SIGN_UPS, process.registration.email)]
    allowed = tries.count_try(kinds, milliseconds(timezone.now())) is not None
    if process.can_resend and allowed:
        process.resend()
        return redirect("sign-up-code")
    context = {"form": CodeForm(), "process": process, "limited": True}
    return render(request, "account/sign_up_code.html", context, status=429)


def _finish(request: HttpRequest, process: SignUp) -> HttpResponse:
    registration = process.registration
    process.abort()
    token = request.session.get(INVITATION, "")
    invitation = usable_invitation(token) if token else None
    if invitation is not None and invitation.email != registration.email:
        invitation = None
    user = create_account(registration, invitation)
    if user is None:
        # Another browser has entered its code for the address first.
        return render(request, "account/sign_up_ended.html", status=403)
    if invitation is not None:
        accept(user, token)
        request.session.pop(INVITATION, None)
    request.session[REGISTERED] = True
    record_authentication(request, user, method="password", email=user.email)
    response: HttpResponse = complete_signup(request, user=user)
    return response
