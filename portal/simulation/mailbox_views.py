"""The pages of the demonstration's mailbox. Where nothing is simulated, they answer 404."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from csp.constants import NONE
from csp.decorators import csp_replace
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.simulation.mailbox import folder, newest, read

if TYPE_CHECKING:
    from pathlib import Path

    from django.http.response import HttpResponseBase

    from portal.simulation.mailbox import ReceivedMail

_OF_A_MAIL: Final = {
    "style-src": ["'unsafe-inline'"],
    "script-src": [NONE],
    "sandbox": ["allow-popups"],
}
"""What a mail's HTML may do: its styles are attributes, and its links may be followed."""


def _folder() -> Path:
    found = folder()
    if found is None:
        raise Http404
    return found


def _mail(key: str) -> ReceivedMail:
    found = read(_folder(), key)
    if found is None:
        raise Http404
    return found


@login_not_required
@never_cache
@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """The list of mails."""
    return render(request, "simulation/mailbox.html", {"mails": newest(_folder())})


@login_not_required
@never_cache
@require_safe
def mail(request: HttpRequest, key: str) -> HttpResponse:
    """One mail as plain text, with its links."""
    return render(request, "simulation/mail.html", {"mail": _mail(key)})


@login_not_required
@never_cache
@require_safe
def mail_html(request: HttpRequest, key: str) -> HttpResponseBase:
    """The HTML of one mail, as a mail client would show it."""
    html = _mail(key).html

    @csp_replace(_OF_A_MAIL)
    def response(_: HttpRequest) -> HttpResponse:
        return HttpResponse(html)

    return response(request)
