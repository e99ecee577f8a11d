"""The portal as a WSGI application, for gunicorn or another server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from django.core.wsgi import get_wsgi_application

from provisioning.claim import PATH

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

application = get_wsgi_application()


def claims_only(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The WSGI application of the claim service: it serves only the address that boxes call.

    Boxes reach the portal by its own root and from anywhere; people, by their browsers' roots,
    and perhaps only through a proxy or from inside. This side has no pages.
    """
    if environ.get("PATH_INFO") != PATH:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"Only boxes are served here.\n"]
    environ.pop("HTTP_X_FORWARDED_FOR", None)  # no proxy adds it: TLS ends here
    return application(environ, start_response)
