"""What an agent's error-status becomes: no variable, less at a time, or a refusal."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable

import pytest

from protocols.errors import ErrorResponse, InvalidResponse, Timeout
from protocols.snmp import ber
from protocols.snmp.agent import SnmpAgent
from protocols.snmp.model import Target, Value, Version, oid_key
from tests.peers import LOOPBACK
from tests.snmp_wire import GETBULK, NULL, Request, integer, octets, parsed, tlv
from tests.snmp_wire import agent as wire_agent

BASE = "1.3.6.1.2.1.43"
NAMES = [f"{BASE}.1.{arc}" for arc in range(1, 6)]
TOO_BIG, NO_SUCH_NAME, GENERAL_ERROR, NO_ACCESS, AUTHORIZATION = 1, 2, 5, 6, 16
Answer = Callable[[Request], Iterable[bytes]]


def refusing(status: int, *names: str, index: bool = True) -> tuple[Answer, list[Request]]:
    """An agent that has all of `NAMES` and answers no to some, as error-index says or not."""
    seen: list[Request] = []

    def answer(request: Request) -> Iterable[bytes]:
        seen.append(request)
        for place, oid in enumerate(request.oids, 1):
            if oid in names:
                echo = [(one, NULL) for one in request.oids]
                return [request.reply(echo, error=status, index=place if index else 0)]
        return [request.reply([(oid, integer(7)) for oid in request.oids])]

    return answer, seen


def target(port: int, version: Version = Version.V2C) -> Target:
    return Target(host=LOOPBACK, port=port, version=version, timeout_s=2)


async def got(answer: Answer, version: Version = Version.V2C) -> dict[str, Value]:
    async with wire_agent(answer) as port:
        return dict(await SnmpAgent(target(port, version)).get(NAMES))


# --- get ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
async def test_what_has_no_such_name_is_left_out(version: Version, index: bool) -> None:
    answer, seen = refusing(NO_SUCH_NAME, NAMES[1], NAMES[3], index=index)

    assert await got(answer, version) == dict.fromkeys([NAMES[0], NAMES[2], NAMES[4]], 7)
    assert len(seen) == (3 if index else 1 + len(NAMES))


@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
async def test_where_nothing_has_such_a_name_there_is_nothing(version: Version) -> None:
    answer, _ = refusing(NO_SUCH_NAME, *NAMES)

    assert await got(answer, version) == {}


@pytest.mark.parametrize("status", [GENERAL_ERROR, NO_ACCESS, AUTHORIZATION, 99])
@pytest.mark.parametrize("index", [True, False])
async def test_what_is_refused_beside_others_is_left_out(status: int, index: bool) -> None:
    answer, _ = refusing(status, NAMES[1], index=index)

    assert await got(answer) == dict.fromkeys([NAMES[0], *NAMES[2:]], 7)


@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (GENERAL_ERROR, "general error (genErr, error 5)"),
        (NO_ACCESS, "no access (noAccess, error 6)"),
        (AUTHORIZATION, "not authorized (authorizationError, error 16)"),
        (99, "error 99, which SNMP does not define"),
    ],
)
async def test_where_everything_is_refused_that_is_said(
    status: int, reason: str, version: Version
) -> None:
    answer, _ = refusing(status, *NAMES)

    with pytest.raises(ErrorResponse) as caught:
        await got(answer, version)

    assert caught.value.code == status
    assert reason in str(caught.value)
    assert "community" in str(caught.value.next_step)
    assert "user" not in str(caught.value)


async def test_what_is_too_big_is_asked_for_in_parts() -> None:
    def answer(request: Request) -> Iterable[bytes]:
        if len(request.oids) > 2:
            return [request.reply([], error=TOO_BIG)]
        return [request.reply([(oid, integer(7)) for oid in request.oids])]

    assert await got(answer) == dict.fromkeys(NAMES, 7)


async def test_an_agent_for_which_everything_is_too_big_ends() -> None:
    answer, seen = refusing(TOO_BIG, *NAMES)

    with pytest.raises(ErrorResponse, match="tooBig"):
        await got(answer)
    assert len(seen) < 2 * len(NAMES)


# --- walks --------------------------------------------------------------------------------------


def table(refuses: Callable[[Request], int]) -> Answer:
    """An agent with one column of `NAMES` that answers no where ``refuses`` says with what."""

    def answer(request: Request) -> Iterable[bytes]:
        status = refuses(request)
        if status:
            return [request.reply([(oid, NULL) for oid in request.oids], error=status, index=1)]
        after = [oid for oid in NAMES if oid_key(oid) > oid_key(request.oids[0])]
        wanted = request.repetitions if request.kind == GETBULK else 1
        rows = [(oid, integer(7)) for oid in after[:wanted]]
        return [request.reply(rows or [("1.3.6.1.2.1.44.1", integer(0))])]

    return answer


async def walked(answer: Answer, version: Version = Version.V2C) -> dict[str, Value]:
    async with wire_agent(answer) as port:
        return dict(await SnmpAgent(target(port, version)).walk(BASE))


@pytest.mark.parametrize("status", [GENERAL_ERROR, AUTHORIZATION])
@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
async def test_a_table_that_may_not_be_read_is_not_an_empty_one(
    status: int, version: Version
) -> None:
    with pytest.raises(ErrorResponse) as caught:
        await walked(table(lambda _: status), version)

    assert caught.value.code == status


@pytest.mark.parametrize("status", [GENERAL_ERROR, TOO_BIG])
async def test_an_agent_that_cannot_do_bulk_is_asked_row_by_row(status: int) -> None:
    answer = table(lambda request: status if request.kind == GETBULK else 0)

    assert await walked(answer) == dict.fromkeys(NAMES, 7)


async def test_a_bulk_answer_that_is_too_big_is_asked_for_in_parts() -> None:
    answer = table(lambda request: TOO_BIG if request.repetitions > 4 else 0)

    assert await walked(answer) == dict.fromkeys(NAMES, 7)


@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
async def test_no_such_name_ends_a_walk(version: Version) -> None:
    answer = table(lambda request: NO_SUCH_NAME if request.oids[0] == NAMES[-1] else 0)

    assert set(await walked(answer, version)) >= set(NAMES[:1])


async def test_variables_without_values_do_not_make_a_walk_endless() -> None:
    def answer(request: Request) -> Iterable[bytes]:
        return [request.reply([(NAMES[0], b"\x81\x00")])]

    with pytest.raises(InvalidResponse, match="an identifier after"):
        await walked(answer)


async def test_a_datagram_that_is_lost_costs_one_request_and_not_the_walk() -> None:
    lost, asked = [True], []
    told = table(lambda _: 0)

    def answer(request: Request) -> Iterable[bytes]:
        asked.append(request.oids[0])
        if request.oids[0] == NAMES[3] and lost:
            lost.clear()
            return []
        return told(request)

    async with wire_agent(answer) as port:
        patient = Target(host=LOOPBACK, port=port, version=Version.V1, timeout_s=0.3)
        found = await SnmpAgent(patient).walk(BASE)

    assert found == dict.fromkeys(NAMES, 7)
    assert asked == [BASE, *NAMES[:3], NAMES[3], NAMES[3], NAMES[4]]


# --- columns abreast, in v1 -----------------------------------------------------------------------

TABLE = {
    f"{BASE}.1.{column}.{row}": 10 * column + row
    for column, rows in ((2, 3), (3, 0), (5, 4), (6, 1))
    for row in range(1, rows + 1)
}
"""A table with a column that is empty and others of different lengths."""
WANTED = {oid: value for oid, value in TABLE.items() if f"{oid}.".split(".")[8] != "6"}


def columns_of(refuses: Callable[[Request], int], index: bool = True, most: int = 9) -> Answer:
    """An agent with `TABLE` that may refuse, or answer no more than ``most`` variables."""
    order = sorted(TABLE, key=oid_key)

    def answer(request: Request) -> Iterable[bytes]:
        rows = []
        echo = [(oid, NULL) for oid in request.oids]
        if status := refuses(request):
            return [request.reply(echo, error=status)]
        for place, asked in enumerate(request.oids, 1):
            after = [oid for oid in order if oid_key(oid) > oid_key(asked)]
            if not after:
                return [request.reply(echo, error=NO_SUCH_NAME, index=place if index else 0)]
            rows.append((after[0], integer(TABLE[after[0]])))
        return [request.reply(rows[:most])]

    return answer


async def columns_walked(answer: Answer) -> tuple[dict[str, Value], int]:
    count = 0

    def counted(request: Request) -> Iterable[bytes]:
        nonlocal count
        count += 1
        return answer(request)

    async with wire_agent(counted) as port:
        found = await SnmpAgent(target(port, Version.V1)).walk(f"{BASE}.1", (2, 3, 5))
    assert list(found) == sorted(found, key=oid_key)
    return dict(found), count


async def test_columns_of_a_table_cost_a_request_a_row() -> None:
    found, count = await columns_walked(columns_of(lambda _: 0))

    assert found == WANTED
    assert count == 5  # four rows of the longest, and the end


@pytest.mark.parametrize(
    "answer",
    [
        columns_of(lambda _: 0, index=False),
        columns_of(lambda request: TOO_BIG if len(request.oids) > 1 else 0),
        columns_of(lambda request: GENERAL_ERROR if len(request.oids) > 1 else 0),
        columns_of(lambda _: 0, most=1),
    ],
    ids=["no index", "too big", "general error", "one at a time"],
)
async def test_an_agent_that_does_not_go_along_is_asked_column_by_column(answer: Answer) -> None:
    found, _ = await columns_walked(answer)

    assert found == WANTED


async def test_columns_that_are_refused_one_by_one_are_told() -> None:
    with pytest.raises(ErrorResponse, match="general error"):
        await columns_walked(columns_of(lambda _: GENERAL_ERROR))


async def test_columns_that_loop_end() -> None:
    def looping(request: Request) -> Iterable[bytes]:
        return [request.reply([(f"{BASE}.1.{n}.1", integer(1)) for n in (2, 3, 5)])]

    with pytest.raises(InvalidResponse, match="an identifier after"):
        await columns_walked(looping)


# --- values -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (tlv(ber.COUNTER, b"\xff\xff\xff\xff"), 2**32 - 1),  # without the octet for its sign
        (tlv(ber.COUNTER, b"\x00\xff\xff\xff\xff"), 2**32 - 1),
        (tlv(ber.COUNTER64, b"\xff" * 8), 2**64 - 1),
        (tlv(ber.INTEGER, b"\xfd"), -3),
        (tlv(ber.ADDRESS, b"\xc0\x00\x02\x07"), "192.0.2.7"),
        (octets(b"\x20"), b"\x20"),
    ],
)
async def test_values_come_as_they_were_meant(value: bytes, read: Value) -> None:
    def answer(request: Request) -> Iterable[bytes]:
        return [request.reply([(oid, value) for oid in request.oids])]

    assert await got(answer) == dict.fromkeys(NAMES, read)


@pytest.mark.parametrize(
    "value",
    [
        tlv(ber.INTEGER, b""),
        tlv(ber.INTEGER, b"\x01" * 200),
        tlv(ber.ADDRESS, b"\x01"),
        tlv(ber.NAME, b""),
        tlv(ber.NAME, b"\xff" * 40),
        tlv(0x7F, b"what"),
        NULL,
    ],
)
async def test_a_value_that_is_none_leaves_the_others(value: bytes) -> None:
    def answer(request: Request) -> Iterable[bytes]:
        odd = [(oid, value if oid == NAMES[2] else integer(7)) for oid in request.oids]
        return [request.reply(odd)]

    assert await got(answer) == dict.fromkeys([*NAMES[:2], *NAMES[3:]], 7)


async def test_an_answer_from_another_address_is_not_taken() -> None:
    loop = asyncio.get_running_loop()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        agent.bind((LOOPBACK, 0))
        agent.setblocking(False)
        patient = Target(host=LOOPBACK, port=agent.getsockname()[1], timeout_s=0.2)
        asked = asyncio.create_task(SnmpAgent(patient).get(NAMES))
        for _ in range(2):
            data, asker = await loop.sock_recvfrom(agent, 2_000)
            request = parsed(data)
            other.sendto(request.reply([(oid, integer(7)) for oid in request.oids]), asker)

        with pytest.raises(Timeout):
            await asked
