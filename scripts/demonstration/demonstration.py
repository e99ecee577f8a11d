"""All of Kanmon on one machine: what is started, in which order, and how it is asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from socket import SOCK_DGRAM
from typing import Any, Final

from scripts.demonstration import broker
from scripts.demonstration.client import call
from scripts.demonstration.control import RESTART_S
from scripts.demonstration.people import FIRST
from scripts.demonstration.ports import Listener, choose_ports, free_port, keep_port
from scripts.demonstration.processes import Children, listening
from scripts.demonstration.sites import (
    GATEWAYS,
    LABELLED,
    ORGANIZATION,
    PLANT,
    PRINTERS,
    Gateway,
    Meter,
    Past,
)
from scripts.demonstration.waiting import wait_until
from scripts.demonstration.world import SOCKET

ROOT: Final = Path(__file__).resolve().parents[2]
_BROKER: Final = ("boxes", "workers", "publisher", "takeover")
"""The broker's listeners, as `kanmon-portal broker write` calls them."""
_LISTENERS: Final = (
    Listener(name="portal", title="the page", wanted=8000),
    *(Listener(name=name, title=f"the broker ({name})") for name in _BROKER),
    Listener(name="internet", title="the broker, as boxes reach it"),
    Listener(name="meters", title="the simulated meters"),
    Listener(name="mail", title="the mail server"),
    *(
        Listener(name=printer.name, title=f"the simulated {printer.label}", kind=SOCK_DGRAM)
        for printer in PRINTERS
    ),
)
READY_S: Final = 90.0


class StepError(Exception):
    """A step failed; the message says which, and how."""


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


@dataclass(kw_only=True)
class Demonstration:
    """All of Kanmon on one machine, with a simulated world.

    Attributes:
        folder: Where everything is kept.
        children: Starts the processes; the caller stops them.
        choice: Which broker; see `scripts.demonstration.broker`.
        port: The page's port from now on; ``None``: as before, or 8000; 0: as before, or any.
        patience_s: Seconds to wait for the first values.
        with_site: Whether there are meters and printers.
        ports: By the names of what listens.
        environment: For every process.
    """

    folder: Path
    children: Children
    choice: str
    port: int | None = None
    patience_s: float = READY_S
    with_site: bool = True
    ports: dict[str, int] = field(init=False)
    environment: dict[str, str] = field(init=False)
    _killed: dict[str, float] = field(default_factory=dict)
    _began_ms: int = field(default_factory=lambda: int(time.time() * 1000))

    def __post_init__(self) -> None:
        self.ports = self._choose_ports()
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "portal.settings",  # whatever the caller's own are
            "KANMON_STATE": str(self.folder / PLANT.state),
            "KANMON_PORTAL_STATE": str(self.folder / "portal"),
            "KANMON_PORTAL_URL": self.url,
            "KANMON_BROKER": f"mqtts://localhost:{self.ports['workers']}",
            "KANMON_BROKER_ID": str(self.folder / "portal" / "worker"),
            "KANMON_BOX_BROKER": f"mqtts://localhost:{self.ports['internet']}",
            "KANMON_MAIL_SERVER": f"smtp://127.0.0.1:{self.ports['mail']}",
            "KANMON_MAIL_FROM": "no-reply@kanmon.invalid",
            "KANMON_SIMULATION": str(self.folder / SOCKET),
        }
        self.environment.update(HOME=str(self.folder), TMPDIR=str(self._temporary()))

    def _choose_ports(self) -> dict[str, int]:
        if self.port:
            keep_port(self.folder, "portal", self.port)
        page, *others = _LISTENERS
        if self.port is not None:
            page = replace(page, wanted=self.port)
        return choose_ports(self.folder, [page, *others], say)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.ports['portal']}"

    def start(self) -> str:
        """Start everything; returns a link that signs in."""
        say("[1/5] portal: database, certificate authority, sites with agent keys, people")
        self._tool("kanmon-portal", "migrate")
        self._tool("kanmon-portal", "authority", "init")
        keys = {gateway.key: self._key(gateway) for gateway in GATEWAYS}
        link = self.links("add")[FIRST.email]
        self._start_broker()
        say("[3/5] portal: pages, ingest worker and mail worker")
        self._program(
            "portal", "kanmon-portal", "serve", "--bind", f"127.0.0.1:{self.ports['portal']}"
        )
        self._program("ingest", "kanmon-portal", "ingest")
        self._program("work", "kanmon-portal", "work")
        say(f"[4/5] simulated sites: {len(PLANT.devices)} meters, {len(PRINTERS)} printers")
        self._start_world()
        port = self.ports["portal"]
        self.children.wait_until(partial(listening, port), "the portal", READY_S)
        say("[5/5] two gateways: claiming their places with agent keys, reading their devices")
        # Plain HTTP, which a key allows on this machine only; elsewhere it is `claims`, over TLS.
        for gateway in GATEWAYS:
            self._tool("kanmon", "enroll", keys[gateway.key], "--consent", state=gateway)
            self._apply_configuration(gateway)
            self._start_gateway(gateway)
        return link

    def links(self, step: str = "links") -> dict[str, str]:
        """New links that sign in, once, by the address of each of `scripts.demonstration.people`.

        With the step ``add``, the people are added first.
        """
        return dict(json.loads(self._run([*_module_command("people"), step])))

    @property
    def mailbox(self) -> str:
        """Where every mail that the portal sends can be read."""
        return f"{self.url}/simulation/mail/"

    def arrivals(self) -> dict[str, Any]:
        """The readings in the portal so far; see `scripts.demonstration.arrivals`."""
        self.check()
        return dict(json.loads(self._run([*_module_command("arrivals"), str(self.folder)])))

    def wait_for_values(self) -> dict[str, Any]:
        """Wait until every device has readings of this run in the portal."""

        def silent(arrived: dict[str, Any]) -> list[str]:
            return silent_since(arrived["devices"], self._began_ms)

        return wait_until(
            self.arrivals,
            lambda arrived: not silent(arrived),
            lambda arrived: StepError(
                f"no values of {', '.join(silent(arrived))} in {self.patience_s:.0f} s; "
                "the end of the gateway's log:\n"
                f"{self.children.last_lines('gateway')}"
            ),
            patience_s=self.patience_s,
            every_s=0.3,
        )

    def fill_history(self) -> dict[str, Any]:
        """Write thirteen simulated months before the first readings, unless they are there."""
        return dict(json.loads(self._run([*_module_command("history"), str(self.folder)])))

    def control(self, method: str, **params: str) -> Any:
        """Call a method of `scripts.demonstration.control`."""
        return call(self.folder / SOCKET, method, **params)

    def check(self) -> None:
        """Check that everything runs, and start a gateway again some time after it was killed.

        Raises:
            EndedEarlyError: Something ended that was not killed on purpose.
        """
        for gateway in GATEWAYS:
            name = gateway.state
            process = self.children.running.get(name)
            if process is None:
                if time.monotonic() - self._killed.get(name, 0.0) >= RESTART_S:
                    self._start_gateway(gateway)
            elif process.poll() == -signal.SIGKILL:
                del self.children.running[name]
                self._killed[name] = time.monotonic()
        self.children.check()

    def _temporary(self) -> Path:
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        return temporary

    def _key(self, gateway: Gateway) -> str:
        place = ("--site", gateway.site, "--time-zone", "Asia/Tokyo", "--gateway", gateway.name)
        issued = self._json(
            "kanmon-portal", "key", "issue", "--organization", ORGANIZATION, *place, "--json"
        )
        return str(issued["key"])

    def _start_world(self) -> None:
        Past.read(self.folder)  # from now on everybody agrees when it began
        ports = {name: self.ports[name] for name in ("meters", "internet", *_printer_names())}
        if not self.with_site:
            ports = {name: free_port() for name in ports} | {"internet": ports["internet"]}
        ports["mail"] = self.ports["mail"]
        ports["broker"] = self.ports["boxes"]
        self.children.start(
            "world",
            [*_module_command("world"), str(self.folder), json.dumps(ports)],
            self.environment,
        )
        self.children.wait_until(partial(listening, ports["internet"]), "the sites", READY_S)

    def _start_gateway(self, gateway: Gateway) -> None:
        name = gateway.state
        self._program(name, "kanmon", "run", state=gateway)
        (self.folder / f"{gateway.key}.pid").write_text(str(self.children.running[name].pid))

    def _start_broker(self) -> None:
        say("[2/5] broker: mutual TLS, a root for boxes and one for workers")
        written = self.folder / "broker"
        at = (
            word
            for listener in _BROKER
            for word in (f"--{listener}", f"127.0.0.1:{self.ports[listener]}")
        )
        self._tool("kanmon-portal", "broker", "write", str(written), "--host", "localhost", *at)
        if not Path(self.environment["KANMON_BROKER_ID"]).exists():
            out = self.environment["KANMON_BROKER_ID"]
            self._tool("kanmon-portal", "authority", "issue-worker", "demo", "--out", out)
        program = broker.provide(self.folder, written, self.choice, say)
        self.children.start("broker", program.command, {**self.environment, **program.environment})
        for port in (self.ports["boxes"], self.ports["workers"]):
            self.children.wait_until(partial(listening, port), program.name, READY_S)
        self.environment["KANMON_MQTT"] = program.version
        say(f"      {program.name} on 127.0.0.1:{self.ports['boxes']}, MQTT {program.version}")
        if program.confines:
            port = self.ports["takeover"]
            self.children.wait_until(partial(listening, port), program.name, READY_S)
            checked = self._json("kanmon-portal", "broker", "check", str(written), "--json")
            if checked["findings"]:
                raise StepError(f"the broker is not as it should be: {checked}")
            self._program("maintenance", "kanmon-portal", "broker", "maintain", str(written))

    def _apply_configuration(self, gateway: Gateway) -> None:
        # Short for meters, so that a watching person sees a gap within seconds. A printer's
        # counters are read every five minutes: a shorter heartbeat would make a gap of each pause.
        heartbeat = 10 if all(isinstance(one, Meter) for one in gateway.devices) else 300
        lines = [
            "version: 1",
            "site: {time_zone: Asia/Tokyo}",
            f"gateway: {{label: {gateway.name}, heartbeat_s: {heartbeat}, health_s: 5}}",
            "devices:",
        ]
        for device in gateway.devices:
            if isinstance(device, Meter):
                url = f"modbus-tcp://127.0.0.1:{self.ports['meters']}/?unit={device.unit}"
                url += "&profile=eastron-sdm630"
            else:
                url = f"snmp://{device.community}@127.0.0.1:{self.ports[device.name]}/"
            every = 1 if isinstance(device, Meter) else 2
            lines.append(
                f'  - {{name: {device.name}, label: "{device.label}", url: "{url}", '
                f"every_s: {every}}}"
            )
        path = self.folder / f"{gateway.key}.yaml"
        path.write_text("\n".join(lines) + "\n")
        self._tool("kanmon", "config", "apply", str(path), state=gateway)

    def _of(self, gateway: Gateway | None) -> dict[str, str]:
        if gateway is None:
            return self.environment
        return {**self.environment, "KANMON_STATE": str(self.folder / gateway.state)}

    def _program(
        self, name: str, program: str, *arguments: str, state: Gateway | None = None
    ) -> None:
        path = Path(sys.executable).parent / program
        self.children.start(name, [str(path), *arguments], self._of(state))

    def _tool(self, program: str, *arguments: str, state: Gateway | None = None) -> str:
        return self._run([str(Path(sys.executable).parent / program), *arguments], state)

    def _json(self, program: str, *arguments: str) -> dict[str, Any]:
        return dict(json.loads(self._tool(program, *arguments)))

    def _run(self, command: Sequence[str], state: Gateway | None = None) -> str:
        done = subprocess.run(
            command,
            env={**os.environ, **self._of(state)},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if not done.stdout.strip() and done.returncode != 0:
            name = Path(command[0]).name
            raise StepError(
                f"`{name} {' '.join(command[1:])}` ended with {done.returncode}:\n{done.stderr}"
            )
        return done.stdout


def _module_command(name: str) -> list[str]:
    return [sys.executable, "-m", f"scripts.demonstration.{name}"]


def _printer_names() -> list[str]:
    return [printer.name for printer in PRINTERS]


def silent_since(devices: dict[str, Any], moment_ms: int) -> list[str]:
    """The devices without a reading since a moment (Unix milliseconds)."""
    newest = {
        name: max((reading["at"] for reading in device["readings"]), default=0)
        for name, device in devices.items()
    }
    return sorted(name for name in LABELLED if newest.get(name, 0) < moment_ms)
