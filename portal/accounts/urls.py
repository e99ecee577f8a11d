"""Signing in and out, and the language."""

from __future__ import annotations

from allauth.account.views import LoginView, LogoutView
from django.urls import path

from portal.accounts import views

urlpatterns = [
    path("sign-in/", LoginView.as_view(), name="account_login"),
    path("sign-out/", LogoutView.as_view(), name="account_logout"),
    path("sign-in/link/<str:token>/", views.SignInByLink.as_view(), name="sign-in-link"),
    path("language/", views.language, name="language"),
]
