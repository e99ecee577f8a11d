"""Signing in and out, and the language."""

from __future__ import annotations

from allauth.account.views import LogoutView
from django.urls import include, path
from django.views.decorators.http import require_http_methods

from portal.accounts import (
    entry_pages,
    member_pages,
    organization_pages,
    sign_up_pages,
    views,
)
from portal.accounts.undelivered_mail import undelivered_mail_page

# allauth's view also takes PUT for POST and answers DELETE; nothing here does.
_sign_out = require_http_methods(["GET", "HEAD", "POST"])(LogoutView.as_view())

urlpatterns = [
    path("sign-in/", views.sign_in, name="account_login"),
    path("sign-out/", _sign_out, name="account_logout"),
    path("sign-in/link/<str:token>/", views.SignInByLink.as_view(), name="sign-in-link"),
    path("", include("portal.accounts.security_urls")),
    path("sign-up/", sign_up_pages.consent_first, name="sign-up"),
    path("sign-up/account/", sign_up_pages.account, name="sign-up-account"),
    path("sign-up/code/", sign_up_pages.code, name="sign-up-code"),
    path("consent/", entry_pages.consent, name="consent"),
    path("welcome/", entry_pages.welcome, name="welcome"),
    path("start/", entry_pages.start, name="start"),
    path("invitations/<str:token>/", entry_pages.invitation, name="invitation"),
    path("invite", organization_pages.invite_address, name="invite"),
    path("organizations/", organization_pages.organizations, name="organizations"),
    path("organizations/new/", organization_pages.create, name="organization-create"),
    path("organizations/join/", organization_pages.join, name="organization-join"),
    path(
        "organizations/<int:organization>/change/",
        organization_pages.change,
        name="organization-change",
    ),
    path("organizations/<int:organization>/invite/", member_pages.invite, name="member-invite"),
    path("join-requests/<int:asked>/", organization_pages.join_decide, name="join-decide"),
    path(
        "join-requests/<int:asked>/withdraw/",
        organization_pages.join_withdraw,
        name="join-withdraw",
    ),
    path(
        "invitations/<int:invitation>/resend/",
        member_pages.invitation_resend,
        name="invitation-resend",
    ),
    path(
        "invitations/<int:invitation>/withdraw/",
        member_pages.invitation_withdraw,
        name="invitation-withdraw",
    ),
    path("members/<int:member>/role/", member_pages.member_role, name="member-role"),
    path("members/<int:member>/remove/", member_pages.member_remove, name="member-remove"),
    path("operations/changes/", member_pages.change_requests, name="change-requests"),
    path("operations/changes/<int:change>/", member_pages.change_decide, name="change-decide"),
    path("language/", views.language, name="language"),
    path("mail/undelivered/", undelivered_mail_page, name="undelivered-mail"),
]
