"""amqtt as the demonstration's last resort: MQTT 3.1.1 over TLS on loopback until SIGTERM.

It reads what ``kanmon-portal broker write`` made, and does of it what it can: a listener for boxes
and one for workers, each of which lets in only who has a certificate by its root that is not in its
revocation list. It cannot tie a client to the name in its certificate: a box could write and read
under another's name, and nobody's open session is cut. So it is for a demonstration, nothing else.
Called with a port instead of a folder it is an open broker on loopback, for tests of the protocol.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import ssl
import sys
from pathlib import Path

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig

DOORS = ("boxes", "workers")


class CertificateBroker(Broker):  # type: ignore[misc] # amqtt ships no types
    """A broker that insists on certificates, which amqtt itself only asks for."""

    @staticmethod
    def _create_ssl_context(listener: ListenerConfig) -> ssl.SSLContext:
        context: ssl.SSLContext = Broker._create_ssl_context(listener)  # noqa: SLF001 - the only place to insist
        context.verify_mode = ssl.CERT_REQUIRED
        root = Path(listener["cafile"])
        context.load_verify_locations(root.parents[1] / "lists" / root.name)
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
        return context


_ANYBODY = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


def open_configuration(port: int) -> BrokerConfig:
    """One listener for everybody."""
    return BrokerConfig(
        listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")}, plugins=_ANYBODY
    )


def configuration(written: Path) -> BrokerConfig:
    """The listeners of a folder that was written."""
    plan = json.loads((written / "broker.json").read_bytes())
    listeners = {
        door: ListenerConfig(
            bind=f"{plan[door]['host']}:{plan[door]['port']}",
            ssl=True,
            cafile=written / "roots" / f"{door}.pem",
            certfile=written / "server" / "identity.pem",
            keyfile=written / "server" / "identity.pem",
        )
        for door in DOORS
    }
    # amqtt wants one of this name, whose settings the others inherit.
    listeners["default"] = listeners.pop(DOORS[0])
    return BrokerConfig(listeners=listeners, plugins=_ANYBODY)


async def serve(config: BrokerConfig) -> None:
    """Run the broker until this process is asked to end."""
    logging.basicConfig(level=logging.WARNING)
    broker = CertificateBroker(config)
    await broker.start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    # Its own shutdown hangs while publishes are in flight, so it gets one second.
    try:
        await asyncio.wait_for(broker.shutdown(), 1)
    except TimeoutError:
        return


if __name__ == "__main__":
    where = sys.argv[1]
    asyncio.run(
        serve(open_configuration(int(where)) if where.isdecimal() else configuration(Path(where)))
    )
