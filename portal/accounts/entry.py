"""What a person does after signing in and before the portal's pages open.

::

    sign in --> new documents? --> names missing? --> no organization? --> pages
                consent            welcome            start

Each step is looked for once, at the sign-in: a new version of a document is asked for at the next
one. The session holds that steps are outstanding, so that other pages need no query for it.

Source: requirements E-3, E-9 and E-10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from allauth.account.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpResponse
from django.shortcuts import redirect

from portal.accounts import documents
from portal.accounts.documents import JAPAN
from portal.accounts.middleware import CHANGE_PASSWORD, SET_UP, is_script
from portal.accounts.models import User

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase

OUTSTANDING: Final = "entry_steps"
"""The session's key that is there while a step may be outstanding."""
AFTERWARDS: Final = "entry_next"
"""The session's key of the page to open after the last step."""
REGISTERED: Final = "entry_registered"
"""The session's key that says the person has just made the account."""

FREE: Final = frozenset(
    {
        "account_logout",
        "language",
        "consent",
        "welcome",
        "start",
        "organization-create",
        "organization-join",
        "join-withdraw",
        "invitation",
        "invite",
        "codes-help",
        "code-help",
        # Signing in safely comes first (`portal.accounts.middleware.SetUpFirst`).
        "account_reauthenticate",
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        *CHANGE_PASSWORD,
        *SET_UP,
    }
)
"""The pages that open whatever is outstanding: the steps themselves, help, and the way out."""


def person(request: HttpRequest) -> User:
    """The person with this session; pages without one are not let through to their views."""
    assert isinstance(request.user, User)
    return request.user


def names_missing(user: User) -> bool:
    """Whether a name is missing; in Japan its reading, too."""
    needed = [user.family_name, user.given_name]
    if user.region == JAPAN:
        needed += [user.family_kana, user.given_kana]
    return not all(needed)


def belongs(user: User) -> bool:
    """Whether the portal's pages have anything for this person: members, and operators."""
    return user.operates or user.memberships.exists()


def next_step(request: HttpRequest, user: User) -> str:
    """The name of the page of the first step that is outstanding; ``""``: there is none."""
    if documents.outstanding(user):
        return "consent"
    member = belongs(user)
    # A member was named by whoever added or invited them, and edits that in the settings.
    if request.session.get(REGISTERED) or (not member and names_missing(user)):
        return "welcome"
    return "" if member else "start"


def advance(request: HttpRequest, user: User) -> HttpResponse:
    """Lead to the next step, or to the page after the last one."""
    step = next_step(request, user)
    if step:
        request.session[OUTSTANDING] = True
        return redirect(step)
    request.session.pop(OUTSTANDING, None)
    return redirect(request.session.pop(AFTERWARDS, "overview"))


@receiver(user_logged_in)
def look_for_steps(request: HttpRequest, user: User, **_: Any) -> None:
    """Note at the sign-in whether a step is outstanding."""
    if next_step(request, user):
        request.session[OUTSTANDING] = True


class EntrySteps:
    """Leads a person with an outstanding step to it, from every other page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], *_: Any
    ) -> HttpResponse | None:
        """Redirect to the outstanding step instead of opening the page."""
        user = request.user
        if not user.is_authenticated or OUTSTANDING not in request.session:
            return None
        found = request.resolver_match
        if not getattr(view, "login_required", True) or (found and found.url_name in FREE):
            return None
        if is_script(request):
            return HttpResponse(status=401, headers={"HX-Refresh": "true"})
        return advance(request, user)
