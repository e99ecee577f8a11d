"""Where a request ends, however it arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.serving.request_buffer import MOST_HEAD_BYTES, Part, RequestBuffer
from provisioning.claim import MOST_BYTES

GET = b"GET /claim/ HTTP/1.1\r\nHost: portal.example.com\r\n\r\n"


def post(body: bytes, length: object | None = None) -> bytes:
    """A request with a body, and the length it announces."""
    announced = len(body) if length is None else length
    return b"POST /claim/ HTTP/1.1\r\ncontent-LENGTH: %s\r\n\r\n" % str(announced).encode() + body


@pytest.mark.parametrize("request_", [GET, post(b""), post(b"{}"), post(b"x" * MOST_BYTES)])
def test_a_request_ends_with_its_last_byte(request_: bytes) -> None:
    buffer = RequestBuffer(most_body=MOST_BYTES)
    assert buffer.feed(request_[:-1]) is not Part.NOTHING
    assert buffer.feed(request_[-1:]) is Part.NOTHING
    assert bytes(buffer.content) == request_


@pytest.mark.parametrize(
    "head",
    [
        post(b"", MOST_BYTES + 1),
        post(b"", "1" * 5000),
        post(b"", "-1"),
        post(b"", "five"),
        b"POST /claim/ HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n",
        b"POST /claim/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\n",
    ],
)
def test_what_is_refused_is_not_waited_for(head: bytes) -> None:
    assert RequestBuffer(most_body=MOST_BYTES).feed(head) is Part.NOTHING


def test_an_endless_head_ends_at_its_limit() -> None:
    buffer = RequestBuffer(most_body=MOST_BYTES)
    assert buffer.feed(b"GET / HTTP/1.1\r\n" + b"x" * MOST_HEAD_BYTES) is Part.NOTHING
    assert buffer.refusal


pieces = st.lists(
    st.binary(max_size=40) | st.sampled_from([b"\r\n", b"\r\n\r\n", GET, post(b"{}")])
)


@given(pieces=pieces, rest=st.binary(max_size=50))
def test_the_pieces_in_which_it_arrives_make_no_difference(
    pieces: list[bytes], rest: bytes
) -> None:
    whole = b"".join(pieces) + rest
    at_once, in_pieces = RequestBuffer(most_body=MOST_BYTES), RequestBuffer(most_body=MOST_BYTES)
    at_once.feed(whole)
    for piece in [*pieces, rest]:
        in_pieces.feed(piece)
    assert (in_pieces.awaited, in_pieces.refusal) == (at_once.awaited, at_once.refusal)
    assert bytes(in_pieces.content) == whole
