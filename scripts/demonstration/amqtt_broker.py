"""amqtt as the demonstration's last resort: MQTT 3.1.1 on one loopback port until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig


async def serve(port: int) -> None:
    """Run the broker until this process is asked to end."""
    logging.basicConfig(level=logging.WARNING)
    config = BrokerConfig(
        listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")},
        plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    )
    broker = Broker(config)
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
    asyncio.run(serve(int(sys.argv[1])))
