"""The simulated world does what its buttons say, as its neighbours on the wire see it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.printer.snmp.driver import PrinterDriver
from drivers.printer.snmp.poll_groups import PERIODS, STATUS
from drivers.report import Code, Severity, State
from gateway.control.protocol import ControlError
from gateway.control.server import ControlServer
from protocols.snmp.agent import SnmpAgent
from protocols.snmp.model import Target
from protocols.snmp.simulator import SnmpSimulator
from scripts.demonstration.client import WorldError, call
from scripts.demonstration.control import Control, InjectedFault, kill, status_of
from scripts.demonstration.relay import Relay
from scripts.demonstration.sites import COPIER, LABELS
from scripts.demonstration.world import EXCHANGED, SILENCED, World
from tests.peers import LOOPBACK


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """The port of a server that says everything again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_cut_internet_drops_and_refuses_and_serves_again(echo: int) -> None:
    async with asyncio.timeout(20), Relay(echo) as relay:
        port = relay.port
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"

        await relay.cut()
        assert not relay.whole
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        with pytest.raises(ConnectionError):
            await asyncio.open_connection(LOOPBACK, port)
        writer.close()

        await relay.mend()
        await relay.mend()
        assert (relay.whole, relay.port) == (True, port)
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"again")
        assert await reader.readexactly(5) == b"again"
        writer.close()


async def test_a_relay_to_nobody_closes_at_once() -> None:
    async with asyncio.timeout(20), Relay(1) as relay:
        reader, writer = await asyncio.open_connection(LOOPBACK, relay.port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()


async def test_the_copier_jams_and_is_cleared(tmp_path: Path) -> None:
    world = World(folder=tmp_path, relay=Relay(0))
    agent = world.printers[COPIER.name]
    jam = next(fault for fault in world.faults() if fault.name == "jam")
    async with SnmpSimulator(agent.variables) as simulator:
        target = Target(host=LOOPBACK, port=simulator.port)
        driver = PrinterDriver(SnmpAgent(target), lambda: 0)
        idle = await driver.read(frozenset(PERIODS))
        await jam.inject()
        world.show()
        jammed = await driver.read(frozenset({STATUS}))
        await jam.mend()
        after = await driver.read(frozenset({STATUS}))
    (told,) = jammed.conditions or ()
    assert (told.code, told.severity, told.component) == (Code.MEDIA_JAM, Severity.ERROR, "tray 2")
    assert "bit 5, jammed" in told.source
    assert "= 8 (jam, class STOP" in told.source
    assert jammed.state is State.ERROR
    assert idle.conditions == after.conditions == ()
    assert State.ERROR not in (idle.state, after.state)
    assert len(idle.supplies or ()) == 5
    assert {reading.quantity.value for reading in idle.readings} == {"impressions"}


async def test_the_label_printer_is_one(tmp_path: Path) -> None:
    world = World(folder=tmp_path, relay=Relay(0))
    async with SnmpSimulator(world.printers[LABELS.name].variables) as simulator:
        target = Target(host=LOOPBACK, port=simulator.port)
        seen = await PrinterDriver(SnmpAgent(target), lambda: 0).read(frozenset(PERIODS))
    assert seen.identity is not None
    assert seen.identity.model == "Label Printer L80"
    assert seen.conditions == ()
    assert [supply.kind for supply in seen.supplies or ()] == ["ribbon"]


async def test_a_meter_is_silenced_and_another_exchanged(tmp_path: Path) -> None:
    world = World(folder=tmp_path, relay=Relay(0))
    faults = {fault.name: fault for fault in world.faults()}

    def silent() -> list[int]:
        return [unit for unit, meter in world.meters.items() if meter.registers.silent]

    await faults["silence"].inject()
    assert silent() == [SILENCED]
    await faults["silence"].heal()
    assert silent() == []

    place = world.meters[EXCHANGED].place
    now = float(world.past.until - 4 * 86_400)
    before, serial = place.counters_kwh(now), place.serial(now)
    await faults["exchange"].inject()
    at = world.past.exchanges[EXCHANGED][-1]
    assert place.counters_kwh(at)[0] == 0 < before[0]
    assert place.serial(at) != serial
    again = World(folder=tmp_path, relay=Relay(0))
    assert again.past.exchanges == world.past.exchanges, "a second run goes on with the new meter"


async def test_troubles_heal_when_they_are_due_and_not_before() -> None:
    done: list[str] = []

    async def begin() -> None:
        done.append("begun")

    async def end() -> None:
        done.append("ended")

    short = InjectedFault(name="short", lasts_s=0.0, begin=begin, end=end)
    long = InjectedFault(name="long", lasts_s=3600.0, begin=begin, end=end, mendable=False)
    control = Control(faults=[short, long], states=[])
    await control.commands()["break"]({"what": "short"})
    told = await control.commands()["break"]({"what": "long"})
    await control.commands()["break"]({"what": "long"})
    assert [one["on"] for one in told["faults"]] == [True, True]
    assert told["faults"][1]["left_s"] == 3600
    await control.heal()
    assert done == ["begun", "begun", "ended"]
    assert [one["on"] for one in (await control.state({}))["faults"]] == [False, True]
    with pytest.raises(ControlError, match="the fault 'everything' does not exist"):
        await control.commands()["break"]({"what": "everything"})


async def test_who_clicks_twice_and_two_at_once_get_what_they_read() -> None:
    done: list[str] = []

    async def begin() -> None:
        await asyncio.sleep(0)
        done.append("begun")

    async def end() -> None:
        await asyncio.sleep(0)
        done.append("ended")

    jam = InjectedFault(name="jam", lasts_s=60, begin=begin, end=end)
    gateway = InjectedFault(name="gateway", lasts_s=60, begin=begin, end=end, mendable=False)
    break_, mend = (Control(faults=[jam, gateway], states=[]).commands()[n] for n in (
        "break", "mend"))  # fmt: skip
    await asyncio.gather(*(break_({"what": "jam"}) for _ in range(3)))
    assert (done, jam.until is None) == (["begun"], False)
    await asyncio.gather(*(mend({"what": "jam"}) for _ in range(3)), jam.heal())
    assert (done, jam.until) == (["begun", "ended"], None)
    await break_({"what": "gateway"})
    await mend({"what": "gateway"})
    assert done == ["begun", "ended", "begun"], "it has to be waited for"


async def test_it_is_asked_over_its_socket(tmp_path: Path) -> None:
    world = World(folder=tmp_path, relay=Relay(0))
    control = Control(faults=world.faults(), states=[tmp_path / "gateway"])
    path = tmp_path / "s"
    ready = asyncio.Event()
    serving = asyncio.create_task(ControlServer(path, control.commands()).run(ready.set))
    await ready.wait()
    state = await asyncio.to_thread(call, path, "break", what="jam")
    assert state["faults"][0] == {"name": "jam", "on": True, "left_s": 60}
    assert state["gateways"] == [], "no gateway has said anything"
    with pytest.raises(WorldError, match="said no"):
        await asyncio.to_thread(call, path, "break", what="")
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    with pytest.raises(WorldError, match="do not answer"):
        await asyncio.to_thread(call, path, "state")


async def test_what_answers_nonsense_says_nothing(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"nonsense\n")
        writer.close()

    async with await asyncio.start_unix_server(serve, str(tmp_path / "control.sock")):
        assert await status_of(tmp_path) is None
    assert await status_of(tmp_path / "nowhere") is None


def test_only_a_gateway_is_killed(tmp_path: Path) -> None:
    kill(tmp_path / "none.pid")
    file = tmp_path / "some.pid"
    file.write_text("no number")
    kill(file)
    code = "import sys; print(flush=True); sys.stdin.read()"
    for name, ends in (("kanmon.yaml", 0), ("/bin/kanmon", -signal.SIGKILL)):
        words = [sys.executable, "-I", "-c", code, name]
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()  # it runs: until then its command line is still ours
            file.write_text(str(child.pid))
            kill(file)
            child.communicate(timeout=20)
            assert child.returncode == ends
