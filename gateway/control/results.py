"""The results of the daemon's methods, as far as the command line reads them. Pure.

The version of the protocol does not change with every member that a result gains or loses: a client
looks at a result before it reads it, and says that the daemon is another one, instead of breaking.
"""

from __future__ import annotations

from typing import Final

from console.templates import control
from gateway.control.protocol import MESSAGE, ResponseError
from gateway.control.shape import Shape, mismatch

_LANES: Final = {str: int}
_SPOOL: Final = {
    "waiting": _LANES,
    "dropped": _LANES,
    "rejected": int,
    "bytes": int,
    "disk_free": (None, int),
    "full": bool,
    "oldest_s": (None, int),
}
_DEVICE: Final = {
    "name": str,
    "label": str,
    "reachability": str,
    "state": str,
    "gravest": (None, {"code": str, "severity": str, "message": MESSAGE}),
    "reported_s": (None, int),
    "problem": (None, MESSAGE),
    "not_sent": (..., {"left_out": int, "replaced": int, "refused": int}),
}
_CONDITION: Final = {
    "code": str,
    "severity": str,
    "message": MESSAGE,
    "next": (None, MESSAGE),
}
_LINK: Final = {
    "broker": (None, str),
    "connected": bool,
    "connected_s": (..., None, int),
    "last_ack_s": (..., None, int),
    "error": (None, MESSAGE),
    "where": str,
    "next": (None, MESSAGE),
}
_LINE_DEVICE: Final = {
    "name": str,
    "unit": (None, int),
    "requests": int,
    "timeouts": int,
    "invalid_responses": int,
    "error_responses": int,
    "delay_s": (None, float),
    "failures": int,
    "next_s": (None, float),
}
_LINE: Final = {
    "line": str,
    "form": (None, str),
    "predicted_utilization": (None, float),
    "holds_with": (None, int),
    "busy_s": (None, float),
    "open_s": (None, float),
    "devices": [_LINE_DEVICE],
}

RESULTS: Final[dict[str, Shape]] = {
    "status": {
        "box": str,
        "label": str,
        "software": str,
        "running_s": int,
        "clock_known": bool,
        "conditions": (..., [_CONDITION]),
        "link": _LINK,
        "metrics": (..., None, {"error": (None, MESSAGE)}),
        "certificate": (None, {"expires_at": str, "expired": bool, "soon": bool}),
        "spool": _SPOOL,
        "devices": [_DEVICE],
    },
    "outbox": _SPOOL,
    "devices": [_DEVICE],
    "bus": [_LINE],
    "read": {"report": str},
    "why": {"report": str, "url": str},
    "setting": {"now": str, "then": str, "unit": str},
    "write": {"before": str, "after": str, "unit": str},
    "apply": {"digest": str, "at_next_start": [str]},
}
"""The shape of each method's result; of a method that is not here, nothing is expected."""


def check_result(method: str, result: object) -> None:
    """Return where a result is one of this method; raises `ResponseError` naming the place."""
    shape = RESULTS.get(method, {})
    place = mismatch(result, shape) if shape else None
    if place is not None:
        raise ResponseError(control.INVALID_MEMBER(member=place))
