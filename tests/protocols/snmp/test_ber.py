"""Messages of v1 and v2c: what is encoded decodes to itself, and nothing else does harm."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from protocols.snmp import ber
from protocols.snmp.ber import MalformedError, Request, Response, Variable

ARCS = st.integers(0, 2**32 - 1)
OIDS = st.builds(
    lambda first, second, rest: (first, second, *rest),
    st.integers(0, 2),
    st.integers(0, 39),
    st.lists(ARCS, max_size=20),
)
NUMBERS = st.integers(0, 2**31 - 1)
VARIABLES = st.builds(Variable, st.integers(0, 255), st.binary(max_size=300))
REQUESTS = st.builds(
    Request,
    version=st.sampled_from([ber.VERSION_1, ber.VERSION_2C]),
    community=st.binary(max_size=40),
    kind=st.sampled_from([ber.GET, ber.GET_NEXT, ber.SET]),
    number=NUMBERS,
    first=NUMBERS,
    second=NUMBERS,
    oids=st.lists(OIDS, max_size=10).map(tuple),
)


@given(REQUESTS)
def test_a_request_decodes_to_itself(request: Request) -> None:
    assert ber.decode(ber.encode(request)) == request


@given(REQUESTS, st.lists(st.tuples(OIDS, VARIABLES), max_size=10), NUMBERS, NUMBERS)
def test_an_answer_decodes_to_itself(
    request: Request, rows: list[tuple[tuple[int, ...], Variable]], error: int, index: int
) -> None:
    answered = ber.decode_response(ber.response(request, rows, error, index))

    assert answered == Response(number=request.number, error=error, index=index, rows=tuple(rows))
    for _, variable in answered.rows:
        ber.value_of(variable)  # whatever it is, this does not raise


@given(st.binary(max_size=400))
def test_noise_is_malformed_at_worst(data: bytes) -> None:
    for read in (ber.decode, ber.decode_response):
        with suppress(MalformedError):
            read(data)


@given(REQUESTS)
def test_a_request_is_no_answer(request: Request) -> None:
    with suppress(MalformedError):
        ber.decode_response(ber.encode(request))
        raise AssertionError("it was taken for one")
