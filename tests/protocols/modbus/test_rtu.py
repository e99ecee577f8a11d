"""RTU frames: the answer is found in whatever comes, or what came instead is named."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from console.templates import modbus, protocol
from protocols.errors import ErrorResponse, InvalidResponse, ProtocolError, Timeout
from protocols.line import Echo
from protocols.modbus.pdu import ReadRequest, WriteRequest
from protocols.modbus.planner import Read, Span, Table
from protocols.modbus.rtu import NOISE_LIMIT, RtuTransaction, crc_ok
from tests.serial_peers import rtu

TWO = Read(Table.HOLDING, 10, 2)
RIGHT = b"\x12\x34\xab\xcd"
ANSWER = rtu(1, b"\x03\x04" + RIGHT)
REQUEST = rtu(1, b"\x03\x00\x0a\x00\x02")


def exchange() -> RtuTransaction:
    return RtuTransaction(ReadRequest(1, TWO, "serial:/dev/tty unit 1"))


def collected(*pieces: bytes) -> bytes | ProtocolError | None:
    """What an exchange makes of these pieces, one after the other."""
    asked, buffer = exchange(), bytearray()
    try:
        for piece in pieces:
            buffer += piece
            if (answer := asked.feed(buffer)) is not None:
                return answer
    except ProtocolError as error:
        return error
    return None


def test_a_request_is_unit_pdu_and_crc() -> None:
    # Modbus Application Protocol V1.1b3, 6.3; CRC as V1.02, 6.2.2 computes it.
    assert exchange().request(1) == REQUEST
    assert crc_ok(REQUEST)
    assert not crc_ok(REQUEST[:-1] + b"\0")


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([ANSWER], id="whole"),
        pytest.param([bytes((byte,)) for byte in ANSWER], id="single bytes"),
        pytest.param([b"\0" + ANSWER], id="a zero before, as a bus that turns round makes"),
        pytest.param([REQUEST + ANSWER], id="its own echo before"),
        pytest.param([b"\x01\x03", ANSWER], id="its own beginning before"),
        pytest.param([ANSWER + b"\xff\xff"], id="noise behind"),
        pytest.param([ANSWER + ANSWER], id="twice, glued"),
        pytest.param([rtu(1, b"\x03\x02\x00\x01") + ANSWER], id="another answer glued before"),
        pytest.param([b"\x01\x03\x04\x99" + ANSWER], id="a cut answer before"),
    ],
)
def test_the_answer_is_found(pieces: list[bytes]) -> None:
    assert collected(*pieces) == RIGHT


@pytest.mark.parametrize(
    ("frame", "came"),
    [
        (rtu(2, b"\x03\x04" + RIGHT), "a response of unit 2"),
        (rtu(1, b"\x04\x04" + RIGHT), "a response to function 4"),
        (rtu(1, b"\x03\x02\x12\x34"), "2 bytes, announced as 2"),
        (rtu(1, b"\x84\x02"), "a response to function 132"),
        (ANSWER[:-1] + b"\0", "a wrong CRC: "),
        (bytes((ANSWER[0], ANSWER[1], ANSWER[2], ANSWER[3] ^ 1)) + ANSWER[4:], "a wrong CRC: "),
        (b"\xff" * (NOISE_LIMIT + 1), f"{NOISE_LIMIT + 1} bytes without an end: ff ff"),
    ],
)
def test_what_is_no_answer_ends_the_exchange_and_is_named(frame: bytes, came: str) -> None:
    error = collected(frame)
    assert isinstance(error, InvalidResponse)
    assert error.expected == modbus.READ_RESPONSE(unit=1, function=3, size=4)
    assert str(error.came).startswith(came)
    assert "serial:/dev/tty unit 1" in str(error)


def test_what_to_check_follows_from_what_came() -> None:
    noise = collected(ANSWER[:-1] + b"\0")
    assert isinstance(noise, InvalidResponse)
    assert noise.next_step == modbus.CHECK_LINE()
    other = collected(rtu(2, b"\x03\x04" + RIGHT))
    assert isinstance(other, InvalidResponse)
    assert other.next_step == protocol.CHECK_PROTOCOL()
    unavailable = collected(rtu(1, b"\x83\x0b"))
    assert isinstance(unavailable, ErrorResponse)
    assert unavailable.what.id == "modbus.read_failed"
    assert unavailable.why == modbus.NO_TARGET_RESPONSE()
    silent = exchange().timeout_error(bytearray(), 0.5)
    assert silent.next_step == modbus.CHECK_SERIAL()


def test_a_refusal_is_one_and_its_checksum_counts() -> None:
    error = collected(rtu(1, b"\x83\x02"))
    assert isinstance(error, ErrorResponse)
    assert error.code == 2
    assert isinstance(collected(rtu(1, b"\x83\x02")[:-1] + b"\0"), InvalidResponse)


def test_silence_and_unfinished_answers_are_told_apart() -> None:
    asked = exchange()
    assert isinstance(asked.timeout_error(bytearray(), 0.5), Timeout)
    error = asked.timeout_error(bytearray(ANSWER[:5]), 0.5)
    assert isinstance(error, InvalidResponse)
    assert error.came == modbus.NOT_A_RESPONSE(n=5, data="01 03 04 12 34")


def test_it_says_how_much_is_missing_and_a_refusal_is_shorter() -> None:
    asked = exchange()
    assert asked.bytes_missing(bytearray()) == 9
    assert asked.bytes_missing(bytearray(ANSWER[:6])) == 3
    assert asked.bytes_missing(bytearray(b"\x01\x83")) == 3
    assert asked.bytes_missing(bytearray(b"\xff" * 50)) == 1


@given(
    noise=st.binary(max_size=40), behind=st.binary(max_size=8), cuts=st.lists(st.integers(0, 60))
)
def test_behind_any_noise_the_answer_is_found_or_what_came_is_named(
    noise: bytes, behind: bytes, cuts: list[int]
) -> None:
    sent = noise + ANSWER + behind
    ends = sorted({min(cut, len(sent)) for cut in cuts} | {len(sent)})
    got = collected(*(sent[a:b] for a, b in zip([0, *ends], ends, strict=False)))
    # Noise may look like the beginning of an answer, or be a sound frame of somebody else.
    assert got == RIGHT or got is None or isinstance(got, InvalidResponse | ErrorResponse)
    if not {1} & set(noise) and not isinstance(got, ProtocolError):
        assert got == RIGHT


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_only_what_is_sound_and_was_asked_for_is_ever_an_answer(pieces: list[bytes]) -> None:
    got = collected(*pieces)
    if isinstance(got, bytes):
        assert len(got) == 4
        assert rtu(1, b"\x03\x04" + got) in b"".join(pieces)


@given(st.integers(0, len(ANSWER) - 1), st.integers(1, 255))
def test_no_single_changed_byte_passes_for_an_answer(at: int, change: int) -> None:
    spoilt = bytearray(ANSWER)
    spoilt[at] ^= change
    assert not isinstance(collected(bytes(spoilt)), bytes)


# --- lines that hear themselves -------------------------------------------------------------------


def answered(asked: RtuTransaction, came: bytes) -> bytes | ProtocolError | None:
    """What an exchange makes of what came in single bytes, its own request being out."""
    asked.request(1)
    buffer = bytearray()
    try:
        for byte in came:
            buffer.append(byte)
            if (answer := asked.feed(buffer)) is not None:
                return answer
    except ProtocolError as error:
        return error
    return asked.timeout_error(buffer, 0.5)


@given(
    address=st.integers(0, 65500),
    table=st.sampled_from(list(Table)),
    count=st.integers(1, 30),
    noise=st.sampled_from([b"", b"\0"]),
)
# The middle of this request looks like a refusal of it.
@example(address=0x8100, table=Table.COIL, count=1, noise=b"")
def test_a_read_is_answered_behind_its_echo_wherever_it_reads(
    address: int, table: Table, count: int, noise: bytes
) -> None:
    question = ReadRequest(1, Read(table, address, count), "x")
    size = question.read.size_bytes
    data = bytes(range(1, size + 1))
    echo = Echo()
    asked = RtuTransaction(question, echo)
    answer = rtu(1, bytes((question.function, size)) + data)
    assert answered(asked, noise + asked.request(1) + answer) == data
    assert echo.present
    for _ in range(3):
        assert echo.present  # one spoilt echo is no sign that there is none
        assert answered(RtuTransaction(question, echo), answer) == data
    assert not echo.present


def test_an_echo_alone_is_no_answer_but_a_timeout() -> None:
    asked = exchange()
    assert isinstance(answered(asked, asked.request(1)), Timeout)


@pytest.mark.parametrize(
    ("span", "values"),
    [
        pytest.param(Span(Table.COIL, 3, 1), (1,), id="a coil, function 5"),
        pytest.param(Span(Table.HOLDING, 0x300, 1), (7,), id="a register, function 6"),
        pytest.param(Span(Table.HOLDING, 0x300, 2), (7, 8), id="registers, function 16"),
    ],
)
def test_a_write_is_confirmed_by_the_device_and_not_by_its_echo(
    span: Span, values: tuple[int, ...]
) -> None:
    order = WriteRequest(1, span, values, "x")
    sent = RtuTransaction(order).request(1)
    confirmed = rtu(1, order.pdu[:5])
    quiet, loud = Echo(), Echo(present=True)
    assert answered(RtuTransaction(order, quiet), confirmed) == b""
    assert answered(RtuTransaction(order, loud), sent + confirmed) == b""
    assert isinstance(answered(RtuTransaction(order, loud), sent), Timeout)
    refused = answered(
        RtuTransaction(order, loud), sent + rtu(1, bytes((order.function | 0x80, 3)))
    )
    assert isinstance(refused, ErrorResponse)
