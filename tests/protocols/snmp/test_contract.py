"""The same tests over a walk in memory, Debian's snmpd in three versions, and snmpsim.

What holds over all of them holds for our agent and our fake, and not for each other's mistakes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from protocols.snmp.agent import SnmpAgent
from protocols.snmp.model import Agent, Target, Version, oid_key
from protocols.snmp.replay import RecordingAgent, ReplayAgent
from protocols.snmp.snmprec import Walk
from tests.peers import LOOPBACK
from tests.snmp_peers import UdpPeer, snmpd, snmpsim

TABLE = "1.3.6.1.2.1.43.11.1.1"
ROWS = 40
"""More than one bulk answer brings."""
WALK = Walk.parse(
    "\n".join(
        [
            "1.3.6.1.2.1.25.3.5.1.2.1|4x|20",
            "1.3.6.1.2.1.25.3.5.1.2.2|4|",
            "1.3.6.1.2.1.25.3.2.1.2.1|6|1.3.6.1.2.1.25.3.1.5",
            "1.3.6.1.2.1.25.3.2.1.5.1|2|-3",
            "1.3.6.1.2.1.43.16.5.1.2.1.1|4x|e38388e383ac000aff",
            *(f"{TABLE}.9.1.{row}|2|{100 - row}" for row in range(1, ROWS + 1)),
            *(f"{TABLE}.6.1.{row}|4|name {row}" for row in range(1, ROWS + 1)),
            "1.3.6.1.2.1.43.12.1.1.4.1.1|4|beyond",
        ]
    )
)


@pytest.fixture(scope="module")
def running() -> Iterator[UdpPeer]:
    with snmpd(WALK) as peer:
        yield peer


@pytest.fixture(scope="module")
def simulated() -> Iterator[UdpPeer]:
    with snmpsim({"printer": WALK.text()}) as peer:
        yield peer


SNMPD = pytest.mark.peer("snmpd")


@pytest.fixture(
    params=[
        "memory",
        "recorded",
        "snmpsim",
        pytest.param("snmpd v1", marks=SNMPD),
        pytest.param("snmpd v2c", marks=SNMPD),
        pytest.param("snmpd v3", marks=SNMPD),
    ]
)
async def agent(request: pytest.FixtureRequest) -> AsyncIterator[Agent]:
    made: Agent
    match request.param.split():
        case ["memory"]:
            made = ReplayAgent(WALK)
        case ["recorded"]:
            made = RecordingAgent(ReplayAgent(WALK))
        case ["snmpsim"]:
            port = request.getfixturevalue("simulated").port
            made = SnmpAgent(Target(host=LOOPBACK, port=port, community="printer"))
        case [_, version]:
            peer = request.getfixturevalue("running")
            made = SnmpAgent(peer.target(Version(version.removeprefix("v"))))
    yield made
    made.close()


async def test_octets_stay_octets(agent: Agent) -> None:
    found = await agent.get(["1.3.6.1.2.1.25.3.5.1.2.1", "1.3.6.1.2.1.25.3.5.1.2.2"])

    assert found == {"1.3.6.1.2.1.25.3.5.1.2.1": b"\x20", "1.3.6.1.2.1.25.3.5.1.2.2": b""}
    text = "1.3.6.1.2.1.43.16.5.1.2.1.1"
    assert await agent.get([text]) == {text: bytes.fromhex("e38388e383ac000aff")}


async def test_numbers_and_identifiers_come_as_they_are(agent: Agent) -> None:
    names = ["1.3.6.1.2.1.25.3.2.1.5.1", "1.3.6.1.2.1.25.3.2.1.2.1"]

    assert await agent.get(names) == {names[0]: -3, names[1]: "1.3.6.1.2.1.25.3.1.5"}


async def test_what_is_not_there_is_left_out(agent: Agent) -> None:
    there, absent = "1.3.6.1.2.1.25.3.2.1.5.1", "1.3.6.1.2.1.25.3.2.1.5.77"

    assert await agent.get([absent, there]) == {there: -3}
    assert await agent.get([absent]) == {}
    assert await agent.walk("1.3.6.1.2.1.43.99") == {}


async def test_a_walk_brings_all_below_and_nothing_else_in_order(agent: Agent) -> None:
    found = await agent.walk(TABLE)

    assert len(found) == 2 * ROWS
    assert found == WALK.below(TABLE)
    assert list(found) == sorted(found, key=oid_key)


async def test_columns_bound_a_walk_where_every_row_costs_a_request(agent: Agent) -> None:
    found = await agent.walk(TABLE, (9,))

    assert found.items() >= WALK.below(f"{TABLE}.9").items()
    if isinstance(agent, SnmpAgent) and agent.target.version is Version.V1:
        assert len(found) == ROWS


async def test_after_closing_it_is_opened_again(agent: Agent) -> None:
    name = "1.3.6.1.2.1.25.3.2.1.5.1"
    await agent.get([name])
    agent.close()

    assert await agent.get([name]) == {name: -3}


async def test_what_was_heard_replays() -> None:
    recorder = RecordingAgent(ReplayAgent(WALK))
    await recorder.walk("1.3.6.1.2.1.43")
    await recorder.get(["1.3.6.1.2.1.25.3.2.1.5.1", "1.3.6.1.2.1.25.3.2.1.2.1"])
    again = Walk.parse(recorder.recording.text())

    assert again == recorder.recording
    assert again.rows.items() <= WALK.rows.items()
    assert len(again.rows) == 2 * ROWS + 4
