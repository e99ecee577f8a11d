"""Messages of v1 and v2c: what is encoded decodes to itself, and nothing else does harm."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from protocols import snmp_ber
from protocols.snmp_ber import MalformedError, Request, Response, Variable

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
    version=st.sampled_from([snmp_ber.VERSION_1, snmp_ber.VERSION_2C]),
    community=st.binary(max_size=40),
    kind=st.sampled_from([snmp_ber.GET, snmp_ber.GET_NEXT, snmp_ber.SET]),
    number=NUMBERS,
    first=NUMBERS,
    second=NUMBERS,
    oids=st.lists(OIDS, max_size=10).map(tuple),
)


@given(REQUESTS)
def test_a_request_decodes_to_itself(request: Request) -> None:
    assert snmp_ber.decode(snmp_ber.encode(request)) == request


@given(REQUESTS, st.lists(st.tuples(OIDS, VARIABLES), max_size=10), NUMBERS, NUMBERS)
def test_an_answer_decodes_to_itself(
    request: Request, rows: list[tuple[tuple[int, ...], Variable]], error: int, index: int
) -> None:
    answered = snmp_ber.decode_response(snmp_ber.response(request, rows, error, index))

    assert answered == Response(number=request.number, error=error, index=index, rows=tuple(rows))
    for _, variable in answered.rows:
        snmp_ber.value_of(variable)  # whatever it is, this does not raise


@given(st.binary(max_size=400))
def test_noise_is_malformed_at_worst(data: bytes) -> None:
    for read in (snmp_ber.decode, snmp_ber.decode_response):
        with suppress(MalformedError):
            read(data)


@given(REQUESTS)
def test_a_request_is_no_answer(request: Request) -> None:
    with suppress(MalformedError):
        snmp_ber.decode_response(snmp_ber.encode(request))
        raise AssertionError("it was taken for one")
