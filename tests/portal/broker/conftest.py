"""A real Mosquitto with the configuration that the portal writes, and who comes to it."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from cloud_link.mqtt.broker import Broker, Identity
from tests.gateway.box import Box
from tests.peers import LOOPBACK, Mosquitto, find, free_port
from tests.portal.broker.company import Company

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from portal.broker.folder import BrokerFolder

Door = Literal["boxes", "workers", "publisher"]


@dataclass
class Site:
    """A portal's authority, its broker's folder, and the broker."""

    folder: BrokerFolder
    broker: Mosquitto
    issued: Path

    def address(self, door: Door, identity: Identity) -> Broker:
        """A listener, for whoever has this identity."""
        root = self.folder.path / "roots" / "boxes.pem"
        return Broker.parse(self.url(door), tls=replace(identity, trust=root).context())

    def url(self, door: Door) -> str:
        return f"mqtts://{getattr(self.folder.plan, door)}"

    def box(self, name: str) -> Identity:
        """A box at a gateway of its own, with a certificate as a claim gives it."""
        from portal.authority import certificates
        from portal.authority.actions import sign
        from portal.authority.models import Root
        from portal.fleet.models import Box
        from portal.fleet.provisioning import GatewayPlacement, ensure_gateway

        box = Box.objects.filter(box_id=name).first()
        if box is None:
            place = GatewayPlacement(
                organization="Aoyama Foods",
                site="Plant",
                time_zone="Asia/Tokyo",
                gateway=name,
                box_id=name,
            )
            box = ensure_gateway(place).box
        key = certificates.new_key()
        row = sign(Root.BOXES, name=name, public_key=key.public_key(), box=box)
        folder = self.issued / row.serial
        folder.mkdir(parents=True)
        (folder / "key.pem").write_bytes(certificates.key_pem(key))
        (folder / "certificate.pem").write_text(row.pem)
        return self._identity(folder)

    def worker(self, name: str) -> Identity:
        """An ingest worker."""
        from portal.authority.actions import issue_worker

        return self._identity(issue_worker(name))

    def publisher(self, name: str) -> Identity:
        """Who publishes configuration."""
        from portal.authority.actions import issue_publisher

        return self._identity(issue_publisher(name))

    def _identity(self, folder: Path) -> Identity:
        return Identity(
            certificate=folder / "certificate.pem",
            key=folder / "key.pem",
            trust=self.folder.path / "roots" / "boxes.pem",
        )


@pytest.fixture
def unstarted(db: None, tmp_path: Path, settings: Settings) -> Site:
    """Written, and not started."""
    from portal.authority.actions import ensure_roots
    from portal.broker.configuration import Address, Plan
    from portal.broker.folder import BrokerFolder

    settings.STATE = tmp_path / "portal"
    ensure_roots()
    at = {
        name: Address(host=LOOPBACK, port=free_port())
        for name in ("boxes", "workers", "publisher", "takeover")
    }
    plan = Plan(hosts=("broker.example.com",), user=pwd.getpwuid(os.geteuid()).pw_name, **at)
    folder = BrokerFolder(path=tmp_path / "broker", plan=plan)
    folder.write()
    command = [find("mosquitto") or "mosquitto", "-c", str(folder.path / "mosquitto.conf")]
    # The last listener to be opened: once it answers, all do.
    broker = Mosquitto(command=command, port=plan.takeover.port, log=tmp_path / "mosquitto.log")
    return Site(folder=folder, broker=broker, issued=tmp_path / "issued")


@pytest.fixture
def site(unstarted: Site) -> Iterator[Site]:
    """The same, running."""
    unstarted.broker.start()
    try:
        yield unstarted
    finally:
        unstarted.broker.stop()


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    company = Company(tmp_path)
    company.set_up()
    company.running = company.broker()
    company.running.start()
    try:
        yield company
    finally:
        company.running.stop()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "box")
    yield box
    box.kill()
