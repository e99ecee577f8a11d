"""What agents and networks do to a request, and what a person is told then."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest

from console.templates import protocol
from protocols.errors import ErrorResponse, InvalidResponse, ProtocolError, Timeout, Unreachable
from protocols.snmp import model
from protocols.snmp.agent import SnmpAgent
from protocols.snmp.model import Target, Version, WalkGuard
from protocols.snmp.snmprec import Walk
from tests.peers import LOOPBACK, free_port
from tests.snmp_peers import USER, UdpPeer, snmpd
from tests.snmp_wire import END_OF_MIB, GETBULK, Request, integer, octets
from tests.snmp_wire import agent as wire_agent

STATUS = "1.3.6.1.2.1.25.3.2.1.5.1"
WALK = Walk.parse(f"{STATUS}|2|2\n1.3.6.1.2.1.43.5.1.1.17.1|4|EX-1\n")
BASE = "1.3.6.1.2.1.43"


@pytest.fixture(scope="module")
def peer() -> Iterator[UdpPeer]:
    with snmpd(WALK) as running:
        yield running


def at(port: int, timeout_s: float = 0.3) -> SnmpAgent:
    return SnmpAgent(Target(host=LOOPBACK, port=port, timeout_s=timeout_s))


async def failure(agent: SnmpAgent) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        await agent.get([STATUS])
    return caught.value


# --- who may ask --------------------------------------------------------------------------------


@pytest.mark.peer("snmpd")
@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
async def test_to_a_wrong_community_an_agent_is_silent(peer: UdpPeer, version: Version) -> None:
    target = replace(peer.target(version, timeout_s=0.2), community="wrong")

    error = await failure(SnmpAgent(target))

    assert isinstance(error, Timeout)
    assert "community" in str(error.next_step)
    assert "wrong" not in str(error)  # it may be a secret


@pytest.mark.peer("snmpd")
@pytest.mark.parametrize(
    "changes",
    [
        {"authentication_key": "not-authentic-8"},
        {"name": "mallory"},
        {"authentication": "sha"},
        {"privacy": "", "privacy_key": ""},
    ],
)
async def test_a_wrong_user_is_refused_by_name(peer: UdpPeer, changes: dict[str, str]) -> None:
    user = replace(USER, **changes)

    error = await failure(SnmpAgent(replace(peer.target(Version.V3), user=user)))

    assert isinstance(error, ErrorResponse)
    assert user.name in str(error)
    assert "auth_key" in str(error.next_step)
    assert user.authentication_key not in str(error)


@pytest.mark.peer("snmpd")
async def test_to_a_wrong_privacy_key_an_agent_is_silent(peer: UdpPeer) -> None:
    user = replace(USER, privacy_key="not-private-8")

    error = await failure(SnmpAgent(replace(peer.target(Version.V3, timeout_s=0.3), user=user)))

    assert isinstance(error, Timeout)
    assert "privacy key" in str(error.next_step)


@pytest.mark.peer("snmpd")
async def test_keys_are_revealed_when_a_session_is_made(peer: UdpPeer) -> None:
    keys = {"secret:auth": USER.authentication_key, "secret:priv": "not-private-8"}
    user = replace(USER, authentication_key="secret:auth", privacy_key="secret:priv")
    target = replace(peer.target(Version.V3, timeout_s=0.3), user=user)
    agent = SnmpAgent(target, lambda text: keys.get(text, text))
    assert isinstance(await failure(agent), Timeout)

    keys["secret:priv"] = USER.privacy_key

    assert await agent.get([STATUS]) == {STATUS: 2}


def test_nothing_that_is_shown_of_a_target_is_a_secret() -> None:
    user = replace(USER, authentication_key="hidden-1", privacy_key="hidden-2")
    target = Target(host="h", version=Version.V3, community="hidden-3", user=user)

    assert "hidden" not in repr(target) + target.where


# --- who is there -------------------------------------------------------------------------------


async def test_a_closed_port_is_told_from_silence() -> None:
    began = asyncio.get_running_loop().time()

    error = await failure(at(free_port(), timeout_s=5))

    assert isinstance(error, Unreachable)
    assert "UDP port" in str(error)
    assert asyncio.get_running_loop().time() - began < 2


async def test_an_unknown_name_is_told() -> None:
    error = await failure(SnmpAgent(Target(host="printer.invalid", timeout_s=5)))

    assert isinstance(error, Unreachable)
    assert "cannot be resolved" in str(error)
    assert error.next_step == protocol.CHECK_NAME()


@pytest.mark.peer("snmpd")
async def test_an_agent_that_restarts_is_known_again_at_once() -> None:
    with snmpd(WALK) as peer:
        agents = [SnmpAgent(peer.target(version)) for version in Version]
        for agent in agents:
            assert await agent.get([STATUS]) == {STATUS: 2}

        peer.kill()
        for agent in agents:
            assert isinstance(await failure(agent), Unreachable)
        peer.start()

        for agent in agents:
            assert await agent.get([STATUS]) == {STATUS: 2}


@pytest.mark.peer("snmpd")
async def test_an_agent_that_restarted_between_two_requests_costs_none() -> None:
    with snmpd(WALK) as peer:
        agents = [SnmpAgent(peer.target(version)) for version in Version]
        for agent in agents:
            await agent.get([STATUS])

        peer.kill()
        peer.start()

        for agent in agents:
            assert await agent.get([STATUS]) == {STATUS: 2}
            assert await agent.walk(BASE)


@pytest.mark.peer("snmpd")
async def test_an_agent_that_hangs_is_silent_and_recovers() -> None:
    with snmpd(WALK) as peer:
        agent = SnmpAgent(peer.target(Version.V3, timeout_s=0.3))
        await agent.get([STATUS])

        peer.pause()
        assert isinstance(await failure(agent), Timeout)
        peer.resume()

        assert await agent.get([STATUS]) == {STATUS: 2}


# --- what comes ---------------------------------------------------------------------------------


async def test_a_lost_request_is_sent_again() -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Iterable[bytes]:
        seen.append(request)
        return [request.reply([(STATUS, integer(3))])] if len(seen) > 1 else []

    async with wire_agent(answer) as port:
        assert await at(port).get([STATUS]) == {STATUS: 3}
    assert len(seen) == 2


async def test_the_answer_to_another_request_is_not_taken() -> None:
    def answer(request: Request) -> Iterable[bytes]:
        other = bytes([request.number[0] ^ 1, *request.number[1:]])
        stale = request.reply([(STATUS, integer(5))], number=other)
        return [stale, stale, request.reply([(STATUS, integer(2))])]

    async with wire_agent(answer) as port:
        assert await at(port).get([STATUS]) == {STATUS: 2}


async def test_a_flood_of_other_answers_does_not_hold_up_the_timeout() -> None:
    def answer(request: Request) -> Iterable[bytes]:
        other = bytes([request.number[0] ^ 1, *request.number[1:]])
        return [request.reply([(STATUS, integer(5))], number=other)] * 200

    async with wire_agent(answer) as port, asyncio.timeout(10):
        assert isinstance(await failure(at(port)), Timeout)


def looping(request: Request) -> Iterable[bytes]:
    return [request.reply([(f"{BASE}.1.1", integer(1)), (f"{BASE}.1.2", integer(2))])]


def standing(request: Request) -> Iterable[bytes]:
    return [request.reply([(oid, integer(1)) for oid in request.oids])]


def backwards(request: Request) -> Iterable[bytes]:
    rows = [(f"{BASE}.{9 - step}", integer(step)) for step in range(8)]
    return [request.reply(rows if request.kind == GETBULK else rows[:1])]


@pytest.mark.parametrize("answer", [looping, standing, backwards])
@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
async def test_an_agent_that_loops_ends_the_walk(
    answer: Callable[[Request], Iterable[bytes]], version: Version
) -> None:
    async with wire_agent(answer) as port, asyncio.timeout(20):
        target = Target(host=LOOPBACK, port=port, version=version, timeout_s=1)
        with pytest.raises(InvalidResponse, match="an identifier after") as caught:
            await SnmpAgent(target).walk(BASE)
    assert "firmware" in str(caught.value.next_step)


async def test_a_table_without_end_ends() -> None:
    def endless(request: Request) -> Iterable[bytes]:
        last = request.oids[0]
        arc = int(last.rpartition(".")[2]) if last != BASE else 0
        names = [f"{BASE}.1.{arc + step}" for step in range(1, 41)]
        return [request.reply([(name, integer(1)) for name in names])]

    async with wire_agent(endless) as port, asyncio.timeout(30):
        with pytest.raises(InvalidResponse, match="without an end"):
            await at(port, timeout_s=2).walk(BASE)


def test_rows_are_bounded_by_bytes_too() -> None:
    guard = WalkGuard("there")
    guard.take(f"{BASE}.1", bytes(model.BYTES_LIMIT - 100))

    with pytest.raises(InvalidResponse, match="without an end"):
        guard.take(f"{BASE}.2", bytes(100))


async def test_the_end_of_the_tree_ends_a_walk() -> None:
    def answer(request: Request) -> Iterable[bytes]:
        end = (f"{BASE}.1.1", END_OF_MIB)
        first = [] if request.oids[0] == f"{BASE}.1.1" else [(f"{BASE}.1.1", octets(b"x"))]
        return [request.reply([*first, end, end])]

    async with wire_agent(answer) as port:
        assert await at(port).walk(BASE) == {f"{BASE}.1.1": b"x"}


async def test_cancelling_leaves_the_agent_usable() -> None:
    arrived = asyncio.Event()
    answers: list[bytes] = []

    def answer(request: Request) -> Iterable[bytes]:
        arrived.set()
        answers.append(request.reply([(STATUS, integer(2))]))
        return answers[-1:] if len(answers) > 1 else []

    async with wire_agent(answer) as port:
        agent = at(port, timeout_s=5)
        task = asyncio.create_task(agent.get([STATUS]))
        async with asyncio.timeout(5):
            await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert await agent.get([STATUS]) == {STATUS: 2}


@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
async def test_closing_leaves_who_is_asking_the_answer(version: Version) -> None:
    """A configuration without this printer closes its agent, whatever is under way."""
    agents: list[SnmpAgent] = []

    def answer(request: Request) -> Iterable[bytes]:
        agents[0].close()
        return [request.reply([(STATUS, integer(2))])]

    async with wire_agent(answer) as port:
        agents.append(SnmpAgent(Target(host=LOOPBACK, port=port, version=version, timeout_s=2)))
        assert await agents[0].get([STATUS]) == {STATUS: 2}
        assert await agents[0].get([STATUS]) == {STATUS: 2}


async def test_two_askers_take_turns() -> None:
    seen: set[bytes] = set()

    def answer(request: Request) -> Iterable[bytes]:
        seen.add(request.number)
        arc = int(request.oids[0].rpartition(".")[2])
        return [request.reply([(request.oids[0], integer(arc))])]

    async with wire_agent(answer) as port:
        agent = at(port, timeout_s=2)
        names = [f"{STATUS}.{arc}" for arc in range(1, 21)]
        found = await asyncio.gather(*(agent.get([name]) for name in names))

    assert found == [{name: arc} for arc, name in enumerate(names, 1)]
    assert len(seen) == len(names)


def test_the_library_is_not_loaded_before_somebody_asks() -> None:
    """Imports are looked at in a process of their own."""
    code = "import drivers.registry, sys; print([m for m in sys.modules if 'gufo' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
