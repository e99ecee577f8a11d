"""The catalogue of codes as pages, for an installer who reads a number off a box.

They say nothing that is secret and are open to everybody: whoever installs a box may have no
account here.

Source: requirement E-28; `provisioning.codes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.contrib.auth.decorators import login_not_required
from django.http import Http404
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from console.language import sentence
from provisioning.codes import CATALOGUE, Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse
    from django.utils.functional import _StrPromise

RANGES: Final[dict[int, _StrPromise]] = {
    11: _("Network"),
    12: _("Clock"),
    13: _("Encryption (TLS)"),
    21: _("Agent key and consent"),
    22: _("Approval"),
    23: _("Issuing the certificate"),
    24: _("The box's storage"),
    25: _("Renewal and replacement"),
    26: _("Offline enrolment"),
}
"""Names by the first two digits; a test holds that every code has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeText:
    """A code in the page's language."""

    number: int
    cause: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The codes that begin with the same two digits."""

    digits: int
    codes: Sequence[CodeText]

    @property
    def words(self) -> str:
        """What the codes of the range are about."""
        return str(RANGES[self.digits])


@login_not_required
@require_safe
def codes_page(request: HttpRequest) -> HttpResponse:
    """The page of all codes by range; ranges without a code are left out."""
    texts = [_text(code) for code in sorted(CATALOGUE)]
    ranges = [
        Range(digits=digits, codes=[one for one in texts if one.number // 100 == digits])
        for digits in RANGES
    ]
    return render(request, "authority/codes.html", {"ranges": [one for one in ranges if one.codes]})


@login_not_required
@require_safe
def code_page(request: HttpRequest, number: int) -> HttpResponse:
    """The page of one code: its cause and what to do next."""
    try:
        text = _text(Code(number))
    except ValueError as error:
        raise Http404 from error
    context = {"code": text, "range": Range(digits=number // 100, codes=[text])}
    return render(request, "authority/code.html", context)


def _text(code: Code) -> CodeText:
    entry, language = CATALOGUE[code], get_language()
    return CodeText(
        number=code.value,
        cause=sentence(entry.cause, language),
        next=sentence(entry.next, language),
    )
