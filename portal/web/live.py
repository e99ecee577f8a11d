"""Responses of pages: a whole page, private, or its live fragment, which is polled.

A fragment's poll is answered with 304 while nothing has changed.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.http import HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest


R = TypeVar("R", bound=HttpResponseBase)


def etag(request: HttpRequest, version: str) -> str:
    """An ETag of the data's version, the reader, the language and the build of the portal.

    A version counts what its reader sees: the versions of two readers may be equal where their
    pages are not.
    """
    return f'W/"{version}-{request.user.pk}-{request.LANGUAGE_CODE}-{_build()}"'


@cache
def _build() -> str:
    """Eight characters that identify the build of what the pages load (`scripts/assets`)."""
    try:
        return str((settings.STATIC_ROOT / "stamp").read_text("ascii"))[:8]
    except FileNotFoundError:
        return "unbuilt"


def fragment(request: HttpRequest, tag: str, body: Callable[[], HttpResponse]) -> HttpResponse:
    """The response of ``body``, or 304 without calling it where the browser has ``tag`` already."""
    held = request.headers.get("If-None-Match", "")
    response: HttpResponse
    if tag in (part.strip() for part in held.split(",")):
        response = HttpResponseNotModified()
    else:
        response = body()
    response.headers["ETag"] = tag
    patch_cache_control(response, private=True, no_cache=True)
    return response


def private(response: R) -> R:
    """The same response, stored nowhere: "back" on a shared computer shows no page of it."""
    patch_cache_control(response, private=True, no_store=True)
    return response
