"""``scripts/demo``: from nothing to a page with live values, and back to nothing.

Everything is kept below ``.demo/`` in the checkout; see ``--help``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from scripts.demonstration import broker, page
from scripts.demonstration.processes import Children, EndedEarlyError, free_port, listening
from scripts.demonstration.site import plant

ROOT: Final = Path(__file__).resolve().parents[2]
PERSON: Final = "demo@kanmon.invalid"
ORGANIZATION: Final = "Sumida Works (simulated)"
PLACE: Final = ("--site", "Kawagoe plant", "--time-zone", "Asia/Tokyo", "--gateway", "Plant room")
_LISTENERS: Final = ("boxes", "workers", "publisher", "cutting")
_READY_S: Final = 90.0


class FailedError(Exception):
    """A step that did not work; the message says which, and what it said."""


def say(line: str) -> None:
    """Tell the person who waits."""
    print(line, flush=True)


@dataclass(kw_only=True)
class Demonstration:
    """All of Kanmon on one machine, with a simulated site."""

    folder: Path
    choice: str
    wanted_port: int
    patience_s: float = _READY_S
    with_site: bool = True
    children: Children = field(init=False)
    ports: dict[str, int] = field(init=False)
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.children = Children(logs=self.folder / "logs")
        self.ports = {
            "portal": free_port(self.wanted_port),
            "site": free_port(),
            **{listener: free_port() for listener in _LISTENERS},
        }
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "portal.settings",  # whatever the caller's own are
            "KANMON_STATE": str(self.folder / "gateway"),
            "KANMON_PORTAL_STATE": str(self.folder / "portal"),
            "KANMON_PORTAL_URL": self.url,
            "KANMON_BROKER": f"mqtts://localhost:{self.ports['workers']}",
            "KANMON_BROKER_ID": str(self.folder / "portal" / "worker"),
            "KANMON_BOX_BROKER": f"mqtts://localhost:{self.ports['boxes']}",
        }
        self.environment.update(HOME=str(self.folder), TMPDIR=str(self._temporary()))

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.ports['portal']}"

    def start(self) -> str:
        """Start everything; returns a link that signs in."""
        say("[1/5] portal: database, certificate authority, a site with an agent key, a person")
        self._tool("kanmon-portal", "migrate")
        self._tool("kanmon-portal", "authority", "init")
        key = str(self._json("kanmon-portal", "key", "issue", "--organization", ORGANIZATION,
                             *PLACE, "--json")["key"])  # fmt: skip
        self._add_person()
        self._start_broker()
        say("[3/5] portal: pages and ingest worker")
        self._program(
            "portal", "kanmon-portal", "serve", "--bind", f"127.0.0.1:{self.ports['portal']}"
        )
        self._program("ingest", "kanmon-portal", "ingest")
        say(f"[4/5] simulated site: {len(plant())} meters on Modbus TCP")
        if self.with_site:
            self._module("site", "scripts.demonstration.site", str(self.ports["site"]))
        for name in ("portal", "site") if self.with_site else ("portal",):
            port = self.ports[name]
            self.children.wait_until(partial(listening, port), f"the {name}", _READY_S)
        say("[5/5] gateway: claiming its place with the agent key, reading the meters")
        # Plain HTTP, which a key allows on this machine only; elsewhere it is `claims`, over TLS.
        self._tool("kanmon", "enroll", key, "--consent")
        self._apply_configuration()
        self._program("gateway", "kanmon", "run")
        return str(self._json("kanmon-portal", "sign-in-link", PERSON, "--json")["url"])

    def arrivals(self) -> dict[str, Any]:
        """What reached the portal so far; see `scripts.demonstration.arrivals`."""
        self.children.check()
        command = [sys.executable, "-m", "scripts.demonstration.arrivals"]
        return dict(json.loads(self._run(command)))

    def wait_for_values(self) -> dict[str, Any]:
        """Wait until every meter has readings in the portal."""
        names = {meter.name for meter in plant()}
        deadline = time.monotonic() + self.patience_s
        while True:
            arrived = self.arrivals()
            devices = arrived["devices"]
            if all(devices.get(name, {}).get("readings") for name in names):
                return arrived
            if time.monotonic() > deadline:
                silent = ", ".join(_silent(names, devices))
                raise FailedError(
                    f"no values of {silent} in {self.patience_s:.0f} s; what the gateway said:\n"
                    f"{self.children.last_words('gateway')}"
                )
            time.sleep(0.3)

    def outbox(self) -> dict[str, Any]:
        """What the gateway still keeps."""
        return self._json("kanmon", "outbox", "--json")

    def _temporary(self) -> Path:
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        return temporary

    def _start_broker(self) -> None:
        say("[2/5] broker: mutual TLS, a root for boxes and one for workers")
        written = self.folder / "broker"
        at = (
            word
            for listener in _LISTENERS
            for word in (f"--{listener}", f"127.0.0.1:{self.ports[listener]}")
        )
        self._tool("kanmon-portal", "broker", "write", str(written), "--host", "localhost", *at)
        if not Path(self.environment["KANMON_BROKER_ID"]).exists():
            out = self.environment["KANMON_BROKER_ID"]
            self._tool("kanmon-portal", "authority", "issue-worker", "demo", "--out", out)
        program = broker.provide(self.folder, written, self.choice, say)
        self.children.start("broker", program.command, {**self.environment, **program.environment})
        for port in (self.ports["boxes"], self.ports["workers"]):
            self.children.wait_until(partial(listening, port), program.name, _READY_S)
        self.environment["KANMON_MQTT"] = program.version
        say(f"      {program.name} on 127.0.0.1:{self.ports['boxes']}, MQTT {program.version}")
        if program.confines:
            port = self.ports["cutting"]
            self.children.wait_until(partial(listening, port), program.name, _READY_S)
            troubles = self._json("kanmon-portal", "broker", "check", str(written), "--json")
            if troubles["troubles"]:
                raise FailedError(f"the broker is not as it should be: {troubles}")
            self._program("keeper", "kanmon-portal", "broker", "keep", str(written))

    def _apply_configuration(self) -> None:
        lines = [
            "version: 1",
            "site: {time_zone: Asia/Tokyo}",
            "gateway: {label: Plant room, heartbeat_s: 60, health_s: 15}",
            "devices:",
        ]
        for meter in plant():
            url = f"modbus-tcp://127.0.0.1:{self.ports['site']}/?unit={meter.unit}&profile=eastron-sdm630"
            lines.append(
                f'  - {{name: {meter.name}, label: "{meter.label}", url: "{url}", every_s: 1}}'
            )
        path = self.folder / "kanmon.yaml"
        path.write_text("\n".join(lines) + "\n")
        self._tool("kanmon", "config", "apply", str(path))

    def _add_person(self) -> None:
        try:
            self._tool("kanmon-portal", "person", "add", "--email", PERSON, "--no-password",
                       "--organization", ORGANIZATION, "--role", "administrator",
                       "--name", "Demo")  # fmt: skip
        except FailedError:
            # A second run finds the person there; anything else shows when the link is made.
            self._tool("kanmon-portal", "sign-in-link", PERSON)

    def _program(self, name: str, program: str, *arguments: str) -> None:
        path = Path(sys.executable).parent / program
        self.children.start(name, [str(path), *arguments], self.environment)

    def _module(self, name: str, module: str, *arguments: str) -> None:
        self.children.start(name, [sys.executable, "-m", module, *arguments], self.environment)

    def _tool(self, program: str, *arguments: str) -> str:
        return self._run([str(Path(sys.executable).parent / program), *arguments])

    def _json(self, program: str, *arguments: str) -> dict[str, Any]:
        return dict(json.loads(self._tool(program, *arguments)))

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if not done.stdout.strip() and done.returncode != 0:
            name = Path(command[0]).name
            raise FailedError(
                f"`{name} {' '.join(command[1:])}` ended with {done.returncode}:\n{done.stderr}"
            )
        return done.stdout


def _silent(names: set[str], devices: dict[str, Any]) -> list[str]:
    return sorted(name for name in names if not devices.get(name, {}).get("readings"))


def show(arrived: dict[str, Any]) -> int:
    """Print what arrived, a few readings of each meter; returns how many there are in all."""
    total = 0
    for meter in plant():
        readings = arrived["devices"][meter.name]["readings"]
        total += len(readings)
        say(f"  {meter.label} ({len(readings)} readings)")
        for reading in readings:
            if (reading["quantity"], reading["part"]) in _SHOWN:
                say(f"    {reading['quantity']:<16}{reading['value']:>14} {reading['unit']}")
    return total


_SHOWN: Final = {("power.active", ""), ("energy.import", ""), ("voltage", "l1")}


def check_once(demonstration: Demonstration, link: str, arrived: dict[str, Any]) -> None:
    """See that the page shows it and that nothing was refused; raises `FailedError`."""
    visitor = page.Visitor()
    visitor.sign_in(link)
    words = visitor.words(demonstration.url + "/")
    lacking = [meter.label for meter in plant() if meter.label not in words]
    if lacking:
        raise FailedError(f"the page does not show {', '.join(lacking)}; it says: {words[:400]}")
    if arrived["quarantined"] or arrived["gaps"]:
        raise FailedError(
            f"{arrived['quarantined']} records quarantined, {arrived['gaps']} gaps; none expected"
        )


def main() -> int:
    """Run the demonstration; 0 when it did what it shows, 2 when it failed."""
    options = _options()
    folder = options.folder.resolve()
    if options.fresh or options.once:
        shutil.rmtree(folder / "portal", ignore_errors=True)
        shutil.rmtree(folder / "gateway", ignore_errors=True)
        shutil.rmtree(folder / "broker", ignore_errors=True)
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()
    demonstration = Demonstration(
        folder=folder,
        choice=options.broker,
        wanted_port=options.port,
        patience_s=options.patience,
        with_site=not options.no_site,
    )
    try:
        link = demonstration.start()
        arrived = demonstration.wait_for_values()
        say(f"\nValues arrived {time.monotonic() - began:.0f} s after the start:")
        total = show(arrived)
        if options.once:
            check_once(demonstration, link, arrived)
            say(f"\n{total} readings of {len(plant())} meters are in the portal and on its page.")
            return 0
        say(f"\nOpen this link (it signs you in, once):\n\n    {link}\n")
        say(f"Later on: {demonstration.url}   Logs: {folder / 'logs'}   Ctrl-C stops everything.")
        while True:
            demonstration.children.check()
            time.sleep(1)
    except KeyboardInterrupt:
        say("\nStopping ...")
        return 0
    except (FailedError, EndedEarlyError, broker.NotToBeHadError) as error:
        say(f"\nscripts/demo failed: {error}")
        return 2
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # stopping is not to be interrupted
        killed = demonstration.children.stop()
        shutil.rmtree(folder / "tmp", ignore_errors=True)
        say("Everything is stopped." if not killed else f"Stopped; {', '.join(killed)} by force.")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--once",
        action="store_true",
        help="run without a person: print what arrived, exit 0 only if it did",
    )
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs stored")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="where everything is")
    parser.add_argument("--patience", type=float, default=_READY_S, help="seconds to wait")
    parser.add_argument("--no-site", action="store_true", help="leave the meters off: must fail")
    parser.add_argument("--port", type=int, default=8000, help="the page's port, if it is free")
    parser.add_argument(
        "--broker", choices=["auto", "installed", "unpacked", "amqtt"], default="auto"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
