"""amqtt as the demonstration's last resort: MQTT 3.1.1 over TLS on loopback until SIGTERM.

It reads the folder that ``kanmon-portal broker write`` made, and serves a listener for boxes and
one for workers. Each accepts only clients with a certificate by its root that is not in its
revocation list. It cannot tie a client to the name in its certificate, so that a box could use the
topics of another, and it ends no open session: it is for a demonstration, nothing else. Called with
a port instead of a folder it is an open broker on loopback, for tests of the protocol.
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

LISTENERS = ("boxes", "workers")


class CertificateBroker(Broker):  # type: ignore[misc] # amqtt ships no types
    """A broker that requires the certificates that amqtt itself only requests."""

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
    """One listener, open to everybody."""
    return BrokerConfig(
        listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")}, plugins=_ANYBODY
    )


def configuration(written: Path) -> BrokerConfig:
    """The listeners that a folder of ``kanmon-portal broker write`` describes."""
    plan = json.loads((written / "broker.json").read_bytes())
    listeners = {
        listener: ListenerConfig(
            bind=f"{plan[listener]['host']}:{plan[listener]['port']}",
            ssl=True,
            cafile=written / "roots" / f"{listener}.pem",
            certfile=written / "server" / "identity.pem",
            keyfile=written / "server" / "identity.pem",
        )
        for listener in LISTENERS
    }
    # amqtt wants one of this name, whose settings the others inherit.
    listeners["default"] = listeners.pop(LISTENERS[0])
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
