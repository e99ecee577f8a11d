"""How pages answer: whole and private, or as a living part that is polled and answers 304."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_cache_control

from portal.web import assets

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest


def etag(request: HttpRequest, version: str) -> str:
    """An ETag: the data's version, who reads it, in which language, the program that wrote it.

    A version counts what its reader sees: two readers' may be equal where their pages are not.
    """
    return f'W/"{version}-{request.user.pk}-{request.LANGUAGE_CODE}-{assets.build()}"'


def living(request: HttpRequest, tag: str, body: Callable[[], HttpResponse]) -> HttpResponse:
    """``body``, or 304 without making it, when the browser holds the same already."""
    held = request.headers.get("If-None-Match", "")
    response: HttpResponse
    if tag in (part.strip() for part in held.split(",")):
        response = HttpResponseNotModified()
    else:
        response = body()
    response.headers["ETag"] = tag
    patch_cache_control(response, private=True, no_cache=True)
    return response


def private(response: HttpResponse) -> HttpResponse:
    """The response, kept nowhere: a shared computer's back button shows nobody what was seen."""
    patch_cache_control(response, private=True, no_store=True)
    return response
