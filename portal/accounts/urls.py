"""Signing in and out, and the language."""

from __future__ import annotations

from allauth.account.views import LogoutView
from django.urls import path
from django.views.decorators.http import require_http_methods

from portal.accounts import views

# allauth's view also takes PUT for POST and answers DELETE; nothing here does.
_sign_out = require_http_methods(["GET", "HEAD", "POST"])(LogoutView.as_view())

urlpatterns = [
    path("sign-in/", views.sign_in, name="account_login"),
    path("sign-out/", _sign_out, name="account_logout"),
    path("sign-in/link/<str:token>/", views.SignInByLink.as_view(), name="sign-in-link"),
    path("language/", views.language, name="language"),
]
