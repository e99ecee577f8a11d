"""The WSGI application that Prometheus reads: the library's, behind the check of one token.

The library answers in the format that a reader accepts, OpenMetrics or text, compressed or not,
and with the metrics that ``name[]`` asks for. A request without the token is answered as if there
were nothing here (docs/adr/0012).
"""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from prometheus_client import make_wsgi_app

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from prometheus_client import CollectorRegistry

PATH: Final = "/metrics"
NOT_FOUND: Final = "404 Not Found"
_VERSIONS: Final = frozenset({"0.0.1", "0.0.4", "1.0.0"})
"""Those of the formats; asked for another, the library claims to write it, or fails."""


def metrics_application(registry: CollectorRegistry, token: str) -> WSGIApplication:
    """The application that serves ``registry`` at `PATH`, and nothing anywhere else.

    Args:
        registry: What is served.
        token: The bearer token that readers must send; ``""``: none is needed.
    """
    library: WSGIApplication = make_wsgi_app(registry)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        allowed = not token or _shows_token(environ.get("HTTP_AUTHORIZATION", ""), token)
        if not allowed or environ.get("PATH_INFO") != PATH:
            start_response(NOT_FOUND, [("Content-Type", "text/plain")])
            return [b"Not found.\n"]
        environ = {**environ, "HTTP_ACCEPT": _known_formats(environ.get("HTTP_ACCEPT", ""))}
        if environ["REQUEST_METHOD"] != "HEAD":
            return library(environ, start_response)
        library({**environ, "REQUEST_METHOD": "GET"}, start_response)
        return []

    return application


def _known_formats(accept: str) -> str:
    """An ``Accept`` header without versions that no format has; text is served for none."""
    return ",".join(one for one in accept.split(",") if _is_known(one))


def _is_known(accepted: str) -> bool:
    """Whether the version of a format is one of those that exist, where there is any."""
    parameters = (part.strip().partition("=") for part in accepted.split(";"))
    return all(value in _VERSIONS for name, _, value in parameters if name == "version")


def _shows_token(authorization: str, token: str) -> bool:
    """Whether an ``Authorization`` header is this bearer token, found out in constant time."""
    scheme, _, shown = authorization.partition(" ")
    right = compare_digest(shown.strip().encode(), token.encode())
    return right and scheme.lower() == "bearer"
