"""The claim endpoint: the one address that boxes call."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpResponse
from django.http.request import UnreadablePostError
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from console.templates import enrol
from portal.authority import claims
from portal.authority.errors import AuthorityError
from portal.logs import event_log
from provisioning.claim import MOST_BYTES, ClaimGrant, ClaimRefusal, ClaimRequest, decode, encode
from provisioning.codes import Code, CodedError

if TYPE_CHECKING:
    from django.http import HttpRequest

log = event_log(__name__)

STATUS: Final = {
    Code.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.KEY_UNKNOWN: HTTPStatus.FORBIDDEN,
    Code.KEY_EXPIRED: HTTPStatus.FORBIDDEN,
    Code.KEY_USED_UP: HTTPStatus.FORBIDDEN,
    Code.KEY_REVOKED: HTTPStatus.FORBIDDEN,
    Code.NO_CONSENT: HTTPStatus.FORBIDDEN,
    Code.TOO_OFTEN: HTTPStatus.TOO_MANY_REQUESTS,
    Code.OTHER_TERMS: HTTPStatus.CONFLICT,
    Code.BAD_REQUEST: HTTPStatus.BAD_REQUEST,
    Code.BAD_CSR: HTTPStatus.BAD_REQUEST,
    Code.BOX_TAKEN: HTTPStatus.CONFLICT,
    Code.PLACE_TAKEN: HTTPStatus.CONFLICT,
    Code.BOX_REVOKED: HTTPStatus.FORBIDDEN,
    Code.NO_AUTHORITY: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The HTTP status of each code, for proxies and logs; a box goes by the code."""


# A box has no session that a foreign page could abuse: what it knows is in the request itself.
@csrf_exempt
@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def claim(request: HttpRequest) -> HttpResponse:
    """Answer GET with the root, for a box that has its pin, and POST by deciding a claim."""
    try:
        if request.method == "GET":
            return _json(encode(claims.portal_root()), HTTPStatus.OK)
        message = decode(ClaimRequest, _body(request), wrong=Code.BAD_REQUEST)
        return _json(encode(_grant(message)), HTTPStatus.OK)
    except CodedError as error:
        return _refusal(error)
    except AuthorityError as error:
        log.error("claim_unavailable", error=error)
        return _refusal(CodedError(Code.NO_AUTHORITY))
    except DatabaseError:
        log.exception("claim_unavailable")
        return _refusal(CodedError(Code.UNAVAILABLE))


def _grant(message: ClaimRequest) -> ClaimGrant:
    try:
        granted = claims.claim(message)
    except CodedError as error:
        log.warning("claim_refused", key=message.key_id, box=message.box, error=error)
        raise
    log.info("claim_granted", key=message.key_id, box=message.box, site=granted.site)
    return granted


def _body(request: HttpRequest) -> bytes:
    length = request.headers.get("Content-Length", "")
    if not length.isdecimal() or int(length) > MOST_BYTES:
        raise CodedError(Code.BAD_REQUEST, why=enrol.REQUEST_LENGTH(limit=MOST_BYTES))
    try:
        return request.body
    except UnreadablePostError as error:
        raise CodedError(Code.BAD_REQUEST, why=enrol.REQUEST_BROKEN()) from error


def _refusal(error: CodedError) -> HttpResponse:
    refused = ClaimRefusal(
        code=error.code,
        why=error.why.to_json() if error.why else None,
        cause=str(error.what),
        next=str(error.next_step),
    )
    response = _json(encode(refused), STATUS[error.code])
    if error.code is Code.TOO_OFTEN:
        response.headers["Retry-After"] = str(int(claims.MINUTE.total_seconds()))
    return response


def _json(body: bytes, status: HTTPStatus) -> HttpResponse:
    return HttpResponse(body, status=status, content_type="application/json")
