"""The portal's settings of allauth, and its limits on signing in.

::

    counted by          limit (tries.py)    so that
    network             30 forms a minute   limits what the server is kept busy with
    network             10 a minute         limits guesses at many users
    network and user    5 in 5 minutes      limits guesses at one user
    user                100 in 5 minutes    nor do many networks together
    known browser       5 in 5 minutes      guesses from elsewhere do not lock the user out

The first counts every form, by `views.sign_in`; the others count wrong passwords. A browser in
which the user has signed in is counted by itself, instead of by the three before it. The network is
the client's (`portal.web.client_address`), not a proxy's. All server processes count together, in
the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal import ratelimit
from django.shortcuts import render
from django.utils import timezone

from portal.accounts import tries
from portal.accounts.known_browser import known_as, remember_browser
from portal.accounts.models import User, normal_email
from portal.web.moments import milliseconds

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse, HttpResponseBase


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth ships no types
    """Keeps sign-up closed, and slows who guesses without locking out who knows."""

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self._tries: list[int] = []

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether people may sign up by themselves: never."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a try before the password is looked at.

        Raises:
            ValidationError: It is one too many.
        """
        email = normal_email(str(credentials.get("email", "")))
        browser = known_as(request, email)
        if browser:
            kinds = [(tries.BROWSER, browser)]
        else:
            network = ratelimit.get_ip(request)
            kinds = [
                (tries.NETWORK, network),
                (tries.NETWORK_AND_USER, f"{network} {email}"),
                (tries.USER, email),
            ]
        counted = tries.count_try(kinds, milliseconds(timezone.now()))
        if counted is None:
            raise self.validation_error("too_many_login_attempts")
        self._tries = counted

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The user with these credentials; a right password takes its own try back."""
        self._tries = []
        user: User | None = super().authenticate(request, **credentials)
        if user is not None:
            tries.take_back(self._tries)
        return user

    def post_login(self, request: HttpRequest, user: User, **how: Any) -> HttpResponseBase:
        """The response to a sign-in, by which the browser is known from then on."""
        response: HttpResponseBase = super().post_login(request, user, **how)
        remember_browser(response, user)
        return response

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Say that the account is deactivated, only to a person who knows its password."""
        return render(request, "account/inactive.html", status=403)
