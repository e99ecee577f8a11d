"""The control protocol: whatever bytes come, a response follows the specification."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from config.finding import Finding
from console.templates import control
from console.text import Message, verbatim
from gateway.control.protocol import (
    ID_LENGTH,
    ControlError,
    ErrorCode,
    ResponseError,
    decode_request,
    decode_response,
    encode_error,
    encode_request,
    encode_result,
    text_param,
)
from gateway.control.server import ControlServer, respond

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
IDS = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(exclude_categories=()), max_size=ID_LENGTH)
)
NAMES = st.sampled_from(["jsonrpc", "id", "method", "params", "version"]) | st.text(max_size=8)
METHODS = st.sampled_from(["echo", "refuse", "broken", "dance", ""])


async def echo(params: Mapping[str, Any]) -> Any:
    return dict(params)


async def refuse(params: Mapping[str, Any]) -> Any:
    raise ControlError(verbatim(text_param(params, "what", "no")), next_step=verbatim("do that"))


async def broken(_: Mapping[str, Any]) -> Any:
    raise RecursionError("too deep")


COMMANDS = {"echo": echo, "refuse": refuse, "broken": broken}


def check(response: bytes) -> dict[str, Any]:
    """The response, which must follow section 5 of the specification."""
    assert response.endswith(b"\n")
    assert response.count(b"\n") == 1
    value: dict[str, Any] = json.loads(response.decode("ascii"))
    assert value["jsonrpc"] == "2.0"
    if "result" in value:
        assert set(value) == {"jsonrpc", "id", "result"}
        return value
    assert set(value) == {"jsonrpc", "id", "error"}
    error = value["error"]
    assert set(error) == {"code", "message", "data"}
    assert error["code"] in set(ErrorCode)
    assert error["message"] == error["data"]["what"]["text"]
    if error["code"] in {ErrorCode.PARSE_ERROR, ErrorCode.INVALID_REQUEST}:
        assert value["id"] is None
    return value


def ask(line: bytes) -> dict[str, Any] | None:
    with capture_logs():
        response = asyncio.run(respond(COMMANDS, line))
    return None if response is None else check(response)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Nearly a request: members that are missing, strange or repeated, and bytes exchanged."""
    pairs = [
        ("jsonrpc", draw(st.sampled_from(["2.0", "2.0", "2.0", "1.0", 2, None]))),
        ("id", draw(IDS | JSON)),
        ("method", draw(METHODS | JSON)),
        ("params", draw(st.dictionaries(NAMES, JSON, max_size=4) | JSON)),
    ]
    pairs = [pair for pair in pairs if draw(st.integers(0, 9))]
    pairs += draw(st.lists(st.tuples(NAMES, JSON), max_size=2))
    pairs = draw(st.permutations(pairs))
    text = ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in pairs)
    line = bytearray(f"{{{text}}}".encode())
    if line and not draw(st.integers(0, 4)):
        line[draw(st.integers(0, len(line) - 1))] = draw(st.integers(0, 255))
    return bytes(line)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.binary() | requests() | JSON.map(lambda value: json.dumps(value).encode()))
@example(b"")
@example(b"\n")
@example(b"\xef\xbb\xbf{}")
@example("{}".encode("utf-16"))
@example(b"[]")
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"jsonrpc": "2.0", "id": 1, "method": "echo", "params": ' + b"[" * 50_000)
@example(b'{"jsonrpc": "2.0", "id": ' + b"9" * 10_000 + b', "method": "echo"}')
@example(b'{"jsonrpc": "2.0", "id": 1e999, "method": "echo"}')
@example(b'{"jsonrpc": "2.0", "id": NaN, "method": "echo"}')
@example(b'{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "echo"}')
@example(b'{"jsonrpc": "2.0", "id": "\\ud800", "method": "\\udfff"}')
@example(b'{"jsonrpc": "2.0", "id": 1, "method": "refuse", "params": {"what": "\\ud800"}}')
@example(b'{"jsonrpc": "2.0", "id": 1, "method": "broken"}')
def test_whatever_comes_is_answered_as_the_specification_says(line: bytes) -> None:
    response = ask(line)
    if response is None:
        request = json.loads(line)
        assert request["jsonrpc"] == "2.0"
        assert "id" not in request, "only a notification has no response"


@given(METHODS, IDS, st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_every_request_has_the_response_to_it(
    method: str, number: str | int | None, params: dict[str, Any]
) -> None:
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    response = ask(json.dumps(message).encode())
    assert response is not None
    assert response["id"] == number
    if method == "echo" and params.get("version", 1) == 1:
        assert response["result"] == {k: v for k, v in params.items() if k != "version"}


@given(
    st.text(max_size=20), st.dictionaries(st.text(), JSON, max_size=4), st.integers(0, 2**63 - 1)
)
def test_a_request_is_read_as_it_was_written(
    method: str, params: dict[str, Any], number: int
) -> None:
    params.pop("version", None)
    request = decode_request(encode_request(method, params, number=number))
    assert (request.method, request.id, request.notification) == (method, number, False)
    assert request.named_params() == params


@given(JSON, st.integers(0, 9))
def test_a_result_is_read_as_it_was_written(result: Any, number: int) -> None:
    line = encode_result(number, result)
    check(line)
    assert decode_response(line, number=number) == result
    with pytest.raises(ValueError, match="another request"):
        decode_response(line, number=number + 1)


TEXTS = st.builds(verbatim, st.text(min_size=1).filter(str.strip))
FINDINGS = st.builds(Finding, what=TEXTS, why=TEXTS, path=st.text())


@given(TEXTS, st.text(), TEXTS, TEXTS, st.lists(FINDINGS))
def test_an_error_is_read_as_it_was_written(
    what: Message, where: str, why: Message, step: Message, findings: list[Finding]
) -> None:
    error = ControlError(what, where=where, why=why, next_step=step, code=ErrorCode.BUSY)
    error.findings = tuple(findings)
    for number in (1, None):
        line = encode_error(number, error)
        check(line)
        with pytest.raises(ControlError) as caught:
            decode_response(line)
        assert caught.value.to_json() == error.to_json()
        assert caught.value.code == ErrorCode.BUSY


@given(st.binary() | requests() | JSON.map(lambda value: json.dumps(value).encode()))
@example(b'{"jsonrpc": "2.0", "id": [], "result": 1}')
@example(b'{"jsonrpc": "2.0", "id": [], "error": {"code": 1, "message": ""}}')
@example(b'{"jsonrpc": "2.0", "id": 1, "error": {"code": "1"}}')
@example(b'{"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "data": {"findings": 7}}}')
@example(b"[" * 100_000)
def test_whatever_a_daemon_answers_is_a_result_or_an_error(line: bytes) -> None:
    with suppress(ValueError, ControlError):
        decode_response(line)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"id": 1, "method": "echo"}, "jsonrpc"),
        ({"jsonrpc": 2.0, "id": 1, "method": "echo"}, "jsonrpc"),
        ({"jsonrpc": "2.0", "id": 1}, "method"),
        ({"jsonrpc": "2.0", "id": 1, "method": "echo", "params": "bar"}, "params"),
        ({"jsonrpc": "2.0", "id": 1, "method": "echo", "params": None}, "params"),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "echo"}, "id"),
        ({"jsonrpc": "2.0", "id": True, "method": "echo"}, "id"),
        ({"jsonrpc": "2.0", "id": [1], "method": "echo"}, "id"),
        ({"jsonrpc": "2.0", "id": 2**63, "method": "echo"}, "id"),
        ({"jsonrpc": "2.0", "id": "x" * (ID_LENGTH + 1), "method": "echo"}, "id"),
    ],
)
def test_what_is_not_a_request_is_refused_with_the_reason(
    message: dict[str, Any], why: str
) -> None:
    with pytest.raises(ControlError) as refused:
        decode_request(json.dumps(message).encode())
    assert refused.value.code == ErrorCode.INVALID_REQUEST
    assert f"its {why}" in str(refused.value.why) or f"member {why}" in str(refused.value.why)


def test_a_parameter_is_a_text_or_refused() -> None:
    params = {"url": "x", "n": 5, "half": "\ud800"}
    assert text_param(params, "url") == "x"
    assert text_param(params, "who", "") == ""
    for name in ("n", "who", "half"):
        with pytest.raises(ControlError, match=name) as refused:
            text_param(params, name)
        assert refused.value.code == ErrorCode.INVALID_PARAMS


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=200) | requests(), max_size=5), st.binary(max_size=20))
def test_every_line_of_a_connection_is_answered(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], rest: bytes
) -> None:
    """As the real server answers them; the last line need not be ended."""
    sent = b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines)
    sent += rest.replace(b"\n", b" ")
    path = tmp_path_factory.mktemp("s") / "s"

    async def converse() -> bytes:
        ready = asyncio.Event()
        server = asyncio.create_task(ControlServer(path, COMMANDS).run(ready.set))
        await ready.wait()
        reader, writer = await asyncio.open_unix_connection(path, limit=2**20)
        writer.write(sent)
        writer.write_eof()
        received = await reader.read()
        writer.close()
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)
        return received

    with capture_logs():
        received = asyncio.run(converse())
    responses = [check(line) for line in received.splitlines(keepends=True)]
    notifications = sum(ask(line) is None for line in sent.splitlines())
    assert len(responses) + notifications == len(sent.split(b"\n")) - (not rest)


@pytest.mark.parametrize(
    "said",
    [
        {"message": " "},
        {"data": {"what": {"id": "", "args": {}, "text": ""}}},
        {"data": {"what": {"id": "of.a.newer.one", "args": {}, "text": "\n"}}},
        {"data": {"what": {"id": "console.usage", "args": {"problem": ""}, "text": ""}}},
    ],
)
def test_an_error_that_says_nothing_has_another_form(said: dict[str, Any]) -> None:
    answer = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, **said}}
    with pytest.raises(ResponseError) as caught:
        decode_response(json.dumps(answer).encode())
    assert caught.value.what == control.INVALID_ERROR()
