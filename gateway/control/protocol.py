"""The control protocol: JSON-RPC 2.0, one message a line of UTF-8. Pure.

::

    -> {"jsonrpc": "2.0", "id": 7, "method": "read", "params": {"version": 1, "name": "main"}}
    <- {"jsonrpc": "2.0", "id": 7, "result": {...}}
    <- {"jsonrpc": "2.0", "id": 7, "error": {"code": -32000,
                                             "message": "device 'main' is not configured",
                                             "data": {"what": {...}, "where": "...", "why": {...},
                                                      "next": {...}, "findings": [...]}}}

What the specification leaves open, or leaves out:

* ``params`` is an object. Parameters by position, an array, are refused with -32602.
* ``version`` among the parameters is the version of this protocol (`VERSION`), since JSON-RPC has
  no member for it. `encode_request` always sends it. Another version is refused with -32001, and
  the error says what to do; a request without one, typed by a person, counts as of this version.
* A notification, which has no ``id``, is carried out and never answered, whatever comes of it.
* A batch, an array of requests, is refused with -32600: every client waits for one answer, and a
  batch would evade the limits on requests.
* ``id`` is a text of at most `ID_LENGTH` characters, an integer of 64 bits, or null. A fraction,
  and whatever else is not a request, is refused with -32600 and the id null.
* A member that is repeated within an object is refused with -32600 (RFC 8259, section 4, leaves
  its meaning open), ``NaN``, ``Infinity`` and a number as large as ``1e400`` with -32700.
* Of an error, ``message`` is English text, and ``data`` has the same fields for each of our errors;
  ``findings`` only where there are any. `ErrorCode` lists the codes.
* Every text for people in ``data`` and in a result is a message: an object of ``id``, ``args`` and
  ``text`` (`console.text.Message.to_json`), or null where there is none.

`gateway.control.server` and `gateway.control.client` speak it, and both sides of the simulated
world in ``scripts/demonstration``. The portal may not import the gateway: it writes the few
requests of its simulation strip itself (`portal.simulation.control`), and
``tests/portal/simulation/test_control.py`` holds what it writes and reads against this module.

Source: JSON-RPC 2.0 Specification (jsonrpc.org), sections 4 to 6.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from math import isfinite
from typing import Any, Final, NoReturn

from config.constraint import given_value
from config.finding import Finding
from console.catalogue import decode
from console.templates import control
from console.text import NO_MESSAGE, Message, MessageError
from gateway.control.shape import mismatch

VERSION: Final = 1
ID_LENGTH: Final = 128
_ID_LIMIT: Final = 1 << 63

_LOCATION: Final = {"file": str, "line": int, "column": int}
MESSAGE: Final = {"id": str, "args": {}, "text": str}
"""The shape of a message."""
_FINDINGS: Final = [
    {
        "what": MESSAGE,
        "why": (..., None, MESSAGE),
        "next": (..., None, MESSAGE),
        "path": (..., str),
        "level": (..., str),
        "location": (..., None, _LOCATION),
    }
]
"""The findings of an error; as `config.finding.Finding.to_wire`."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

RequestId = str | int | None


class ErrorCode(IntEnum):
    """The codes of errors: those of the specification, and ours in its range for servers."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    REFUSED = -32000
    """The method was not carried out; the error's data says why."""
    OTHER_VERSION = -32001
    BUSY = -32002
    """Too many clients at once."""
    TOO_LARGE = -32003
    """A request above the limit; the connection is closed."""


class ControlError(MessageError):
    """A request that was not carried out.

    Args:
        what: What is wrong.
        where: Which file, device or address.
        why: The cause.
        next_step: What to do about it.
        code: As it travels; that of an error from a daemon of another version may be none of ours.

    Attributes:
        findings: What is wrong with a configuration.
    """

    def __init__(
        self,
        what: Message,
        *,
        where: str = "",
        why: Message = NO_MESSAGE,
        next_step: Message = NO_MESSAGE,
        code: int = ErrorCode.REFUSED,
    ) -> None:
        super().__init__(what, where=where, why=why, next_step=next_step)
        self.code = int(code)
        self.findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, error: MessageError, *, where: str = "") -> ControlError:
        """The same parts as a refusal; ``where`` for an error without a place."""
        return cls(error.what, where=error.where or where, why=error.why, next_step=error.next_step)

    def to_json(self) -> dict[str, Any]:
        """The fields, as JSON values: the error's ``data``."""
        fields = {
            "what": self.what.to_json(),
            "where": self.where,
            "why": self.why.to_json() if self.why else None,
            "next": self.next_step.to_json() if self.next_step else None,
        }
        findings = [finding.to_wire() for finding in self.findings]
        return {**fields, "findings": findings} if findings else fields


class ResponseError(MessageError, ValueError):
    """A response that is not the one to a request; ``what`` says why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request, or a notification.

    Attributes:
        method: The name of what is asked for.
        params: As sent: parameters by name, or by position.
        id: Repeated in the response.
        notification: Whether no response is wanted.
    """

    method: str
    params: dict[str, Any] | list[Any]
    id: RequestId = None
    notification: bool = False

    def named_params(self) -> dict[str, Any]:
        """The parameters without ``version``.

        Raises:
            ControlError: They are of another version, or by position.
        """
        if isinstance(self.params, list):
            raise ControlError(
                control.PARAMETERS_NOT_OBJECT(),
                next_step=control.SAME_VERSION(),
                code=ErrorCode.INVALID_PARAMS,
            )
        version = self.params.get("version", VERSION)
        if version != VERSION or isinstance(version, bool):
            raise ControlError(
                control.OTHER_VERSION(request=given_value(version), daemon=VERSION),
                next_step=control.SAME_VERSION(),
                code=ErrorCode.OTHER_VERSION,
            )
        return {name: value for name, value in self.params.items() if name != "version"}


def text_param(params: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """A parameter that must be a text.

    Raises:
        ControlError: It is missing and has no default, or it is something else. Half a surrogate
            pair, which JSON can name, makes it something else: no file or address has one.
    """
    value = params.get(name, default)
    if isinstance(value, str) and not _SURROGATE.search(value):
        return value
    raise ControlError(
        control.PARAMETER_NOT_TEXT(name=name),
        next_step=control.SAME_VERSION(),
        code=ErrorCode.INVALID_PARAMS,
    )


def cause(error: MessageError) -> Message:
    """An error as the cause of another one: what it says and, where that is known, its cause."""
    return control.cause(error.what, error.why)


def encode_request(method: str, params: Mapping[str, Any], *, number: int = 1) -> bytes:
    """A request as a line; its id is ``number``."""
    return _line({"id": number, "method": method, "params": {"version": VERSION, **params}})


def decode_request(line: bytes) -> Request:
    """The request on a line.

    Raises:
        ControlError: It is not JSON (-32700), or not a request (-32600); the id of its response
            is null.
    """
    try:
        value = _parse(line)
    except _RepeatedError as error:
        _invalid(control.MEMBER_REPEATED(member=given_value(error.args[0])), error)
    except (ValueError, RecursionError) as error:
        raise ControlError(
            control.REQUEST_NOT_OBJECT(),
            next_step=control.SAME_VERSION(),
            code=ErrorCode.PARSE_ERROR,
        ) from error
    if not isinstance(value, dict):
        raise ControlError(
            control.REQUEST_NOT_OBJECT(),
            next_step=control.SAME_VERSION(),
            code=ErrorCode.INVALID_REQUEST,
        )
    method, params, number = value.get("method"), value.get("params", {}), value.get("id")
    if value.get("jsonrpc") != "2.0":
        _invalid(control.OTHER_PROTOCOL(member="jsonrpc", value="2.0"))
    if not isinstance(method, str):
        _invalid(control.METHOD_NOT_TEXT())
    if not isinstance(params, dict | list):
        _invalid(control.PARAMS_NOT_COLLECTION())
    if not _is_id(number):
        _invalid(control.INVALID_ID(limit=ID_LENGTH))
    return Request(method=method, params=params, id=number, notification="id" not in value)


def encode_result(number: RequestId, result: Any) -> bytes:
    """A successful response as a line; raises `TypeError` or `ValueError` for what is not JSON."""
    return _line({"id": number, "result": result})


def encode_error(number: RequestId, error: ControlError) -> bytes:
    """A response that says what went wrong, as a line."""
    error_object = {"code": error.code, "message": str(error.what), "data": error.to_json()}
    return _line({"id": number, "error": error_object})


def decode_response(line: bytes, *, number: int = 1) -> Any:
    """The result in the response to the request ``number``.

    Raises:
        ControlError: The other side refused, as it says.
        ResponseError: This is not a response to that request.
    """
    try:
        value = _parse(line)
    except (ValueError, RecursionError) as error:
        raise ResponseError(control.ANSWER_NOT_JSON()) from error
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise ResponseError(control.ANSWER_NOT_JSON_RPC())
    if ("result" in value) == ("error" in value):
        raise ResponseError(control.ANSWER_NOT_JSON_RPC())
    if "result" in value and value.get("id") == number:
        return value["result"]
    if "error" not in value or value.get("id", number) not in (number, None):
        raise ResponseError(control.OTHER_ANSWER())
    raise _error(value["error"])


def _error(value: Any) -> ControlError:
    """The error in a response; raises `ResponseError` where there is none."""
    if not isinstance(value, dict) or not isinstance(value.get("code"), int):
        raise ResponseError(control.INVALID_ERROR())
    message, data = value.get("message"), value.get("data")
    fields: dict[str, Any] = (
        data if isinstance(data, dict) else {"next": control.SAME_VERSION().to_json()}
    )
    findings: list[dict[str, Any]] = fields.get("findings", [])
    what = fields.get("what", message)
    if not what or mismatch(findings, _FINDINGS) is not None:
        raise ResponseError(control.INVALID_ERROR())
    try:
        error = ControlError(
            decode(what),
            where=_text(fields, "where"),
            why=decode(fields.get("why") or ""),
            next_step=decode(fields.get("next") or ""),
            code=value["code"],
        )
        error.findings = tuple(Finding.from_wire(one) for one in findings)
    except ValueError as invalid:
        raise ResponseError(control.INVALID_ERROR()) from invalid
    if not str(error.what).strip():
        raise ResponseError(control.INVALID_ERROR())
    return error


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


class _RepeatedError(ValueError):
    """A member that an object has twice."""


def _parse(line: bytes) -> Any:
    # Decoded here: `json` would guess UTF-16 and UTF-32, too.
    return json.loads(
        line.decode(),
        object_pairs_hook=_object,
        parse_float=_finite,
        parse_constant=_no_number,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise _RepeatedError(name)
        members[name] = value
    return members


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):  # JSON has no way to send it back
        raise ValueError(text)
    return value


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= ID_LENGTH
    if isinstance(value, int) and not isinstance(value, bool):
        return -_ID_LIMIT <= value < _ID_LIMIT
    return value is None


def _invalid(why: Message, cause: Exception | None = None) -> NoReturn:
    raise ControlError(
        control.NOT_JSON_RPC(),
        why=why,
        next_step=control.SAME_VERSION(),
        code=ErrorCode.INVALID_REQUEST,
    ) from cause


def _line(message: Mapping[str, Any]) -> bytes:
    # As ASCII, so that half a surrogate pair, which JSON can name and UTF-8 cannot, travels back.
    text = json.dumps({"jsonrpc": "2.0", **message}, allow_nan=False, separators=(",", ":"))
    return text.encode("ascii") + b"\n"
