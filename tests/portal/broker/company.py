"""A portal with everything that runs beside it, each part in a process of its own."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gateway.control.client import call
from gateway.control.protocol import ControlError
from provisioning import enrolment_store
from tests import fork_server
from tests.gateway.box import Box, wait_for
from tests.peers import Mosquitto, find, free_port
from tests.portal.program import Portal

PLACE = ["--organization", "Aoyama Foods", "--site", "Plant", "--time-zone", "Asia/Tokyo"]
BARE = "version: 1\nsite: {time_zone: Asia/Tokyo}\ngateway: {health_s: 5}\n"


@dataclass
class Company:
    """A portal, its broker, and what runs beside them."""

    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    running: Mosquitto = field(init=False)

    def __post_init__(self) -> None:
        self.portal = Portal(self.folder / "portal")
        names = ("claims", "boxes", "workers", "publisher", "takeover")
        self.ports = {name: free_port() for name in names}

    @property
    def variables(self) -> dict[str, str]:
        return {
            "KANMON_CLAIM_URL": f"https://127.0.0.1:{self.ports['claims']}",
            "KANMON_BOX_BROKER": f"mqtts://localhost:{self.ports['boxes']}",
            "KANMON_BROKER": f"mqtts://localhost:{self.ports['workers']}",
        }

    def run(self, *words: str) -> str:
        return self.portal.done(*words, **self.variables)

    @property
    def broker_folder(self) -> Path:
        return self.folder / "broker"

    def set_up(self) -> None:
        """As docs/how-to/run-the-broker.md says."""
        self.portal.migrate()
        self.run("authority", "init")
        at = [
            word
            for name in ("boxes", "workers", "publisher", "takeover")
            for word in (f"--{name}", f"127.0.0.1:{self.ports[name]}")
        ]
        self.run("broker", "write", str(self.broker_folder), "--host", "localhost", *at)

    def broker(self) -> Mosquitto:
        conf = str(self.broker_folder / "mosquitto.conf")
        return Mosquitto(
            command=[find("mosquitto") or "mosquitto", "-c", conf],
            port=self.ports["takeover"],
            log=self.folder / "mosquitto.log",
        )

    @contextmanager
    def program(self, name: str, *words: str, **more: str) -> Iterator[Path]:
        """Let a part of the portal run; gives its log."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))}
        state = {"KANMON_PORTAL_STATE": str(self.portal.state)}
        log = self.folder / f"{name}.log"
        with log.open("ab") as stream:
            process = fork_server.start(
                "portal.cli", *words, env=kept | self.variables | state | more, output=stream
            )
        try:
            yield log
            assert process.poll() is None, log.read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def link(box: Box) -> dict[str, object]:
    with suppress(ControlError):
        return dict(call(box.state, "status")["link"])
    return {"connected": False, "error": ""}


def enrolled_name(company: Company, box: Box, *, gateway: str = "") -> str:
    """Enrol the box and return its id."""
    named = ["--gateway", gateway] if gateway else []
    key = json.loads(company.run("key", "issue", *PLACE, *named, "--json"))["key"]
    with company.program("claims", "claims", "--bind", f"127.0.0.1:{company.ports['claims']}"):
        wait_for("a name", lambda: box.kanmon("enroll", key, "--consent").returncode == 0)
    kept = enrolment_store.load(box.state)
    assert kept is not None
    return kept.box
