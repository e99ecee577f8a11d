"""Signing in and out, and the language."""

from __future__ import annotations

from allauth.account.views import LoginView, LogoutView
from django.urls import path
from django.views.decorators.http import require_http_methods

from portal.accounts import views

# allauth's views also take PUT for POST and answer DELETE; nothing here does.
_form = require_http_methods(["GET", "HEAD", "POST"])

urlpatterns = [
    path("sign-in/", _form(LoginView.as_view()), name="account_login"),
    path("sign-out/", _form(LogoutView.as_view()), name="account_logout"),
    path("sign-in/link/<str:token>/", views.SignInByLink.as_view(), name="sign-in-link"),
    path("language/", views.language, name="language"),
]
