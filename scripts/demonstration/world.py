"""The simulated world as a process: meters, printers, the internet and a mail server.

    python -m scripts.demonstration.world FOLDER '{"meters": 1502, "copier-3f": 1161, ...}'

It also serves `scripts.demonstration.control` at ``FOLDER/simulation.sock``, through which the
portal's page injects faults.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.control.server import ControlServer
from protocols.modbus.simulator import Simulator
from protocols.snmp.simulator import SnmpSimulator
from scripts.demonstration.control import RESTART_S, Control, InjectedFault, kill
from scripts.demonstration.copier import PrinterAgent
from scripts.demonstration.mail_server import FOLDER as MAILS
from scripts.demonstration.mail_server import MailServer
from scripts.demonstration.meter import MeterUnit
from scripts.demonstration.relay import Relay
from scripts.demonstration.sites import COPIER, GATEWAYS, PLANT, PRINTERS, Past, pages, registers

SOCKET: Final = "simulation.sock"
SILENCED: Final = 2
"""The unit that falls silent, and the one that is exchanged."""
EXCHANGED: Final = 3
_STEP_S: Final = 0.5


@dataclass(kw_only=True)
class World:
    """Meters, printers and the internet between the sites and the portal.

    Attributes:
        folder: The demonstration's folder.
        relay: The internet.
    """

    folder: Path
    relay: Relay
    past: Past = field(init=False)
    meters: dict[int, MeterUnit] = field(init=False)
    printers: dict[str, PrinterAgent] = field(init=False)

    def __post_init__(self) -> None:
        self.past = Past.read(self.folder)
        places = registers(self.past)
        self.meters = {unit: MeterUnit(place=place) for unit, place in places.items()}
        office, now = pages(self.past), time.time()
        self.printers = {
            printer.name: PrinterAgent(printer=printer, office=office, started_at=now - 86_400)
            for printer in PRINTERS
        }
        self.show()

    def show(self) -> None:
        """Bring meters and printers to their state of now."""
        now = time.time()
        for meter in self.meters.values():
            meter.show(now)
        for printer in self.printers.values():
            printer.show(now)

    def faults(self) -> list[InjectedFault]:
        """The faults that can be injected."""
        return [
            InjectedFault(name="jam", lasts_s=60, begin=self._jam, end=self._clear),
            InjectedFault(name="silence", lasts_s=40, begin=self._silence, end=self._speak),
            InjectedFault(name="internet", lasts_s=25, begin=self.relay.cut, end=self.relay.mend),
            InjectedFault(name="gateway", lasts_s=RESTART_S, begin=self._kill, mendable=False),
            InjectedFault(name="exchange", lasts_s=20, begin=self._exchange, mendable=False),
        ]

    async def _jam(self) -> None:
        self.printers[COPIER.name].jam(time.time())

    async def _clear(self) -> None:
        self.printers[COPIER.name].clear()

    async def _silence(self) -> None:
        self.meters[SILENCED].registers.silent = True

    async def _speak(self) -> None:
        self.meters[SILENCED].registers.silent = False

    async def _kill(self) -> None:
        kill(self.folder / f"{PLANT.key}.pid")

    async def _exchange(self) -> None:
        self.past.exchanges[EXCHANGED].append(int(time.time()))
        self.past.write(self.folder)
        self.show()


async def run(folder: Path, ports: Mapping[str, int]) -> None:
    """Serve the simulated world until SIGTERM.

    Args:
        folder: The demonstration's folder.
        ports: Of ``meters``, of each printer by its name, of the ``internet`` and the ``broker``
            that it leads to, and of ``mail``; all on loopback.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    world = World(folder=folder, relay=Relay(ports["broker"], ports["internet"]))
    control = Control(
        faults=world.faults(), states=[folder / gateway.state for gateway in GATEWAYS]
    )
    server = ControlServer(folder / SOCKET, control.commands())
    async with AsyncExitStack() as running:
        units = {unit: meter.registers for unit, meter in world.meters.items()}
        await running.enter_async_context(Simulator(units, port=ports["meters"]))
        for name, agent in world.printers.items():
            simulator = SnmpSimulator(agent.variables, port=ports[name])
            await running.enter_async_context(simulator)
        await running.enter_async_context(world.relay)
        await running.enter_async_context(MailServer(folder / MAILS, ports["mail"]))
        serving = asyncio.create_task(server.run())
        try:
            while not stop.is_set() and not serving.done():
                world.show()
                await control.heal()
                try:
                    await asyncio.wait_for(stop.wait(), _STEP_S)
                except TimeoutError:
                    continue
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), json.loads(sys.argv[2])))
