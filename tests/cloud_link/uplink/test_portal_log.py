"""Messages from a portal do not fill the log of a box."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloud_link.mqtt.broker import Broker
from cloud_link.mqtt.connect import connect
from cloud_link.topics import Down, down
from cloud_link.uplink.portal_log import LINES_MOST, MINUTE_MS, PortalLog
from cloud_link.wire import VERSION, Ack, Lane, encode
from tests import peers
from tests.cloud_link.scripted_portal import portal
from tests.cloud_link.uplink.harness import BOX, data, spool, until, uplink

FORGED = 200


@pytest.mark.parametrize("readable", [False, True])
async def test_a_portal_that_sends_without_end_makes_few_lines(
    broker: peers.Mosquitto, tmp_path: Path, readable: bool
) -> None:
    with capture_logs() as lines:
        async with (
            spool(tmp_path) as writer,
            portal(broker.url, BOX) as far,
            uplink(writer, broker.url) as link,
            connect(Broker.parse(broker.url), "forger") as forger,
        ):
            await until(lambda: link.state.connected_since is not None, lambda: link.state)
            epoch = await writer.call(lambda spool: spool.epoch)
            for _ in range(FORGED):
                body = b"\xc1"
                if readable:
                    body = encode(Ack(VERSION, epoch, Lane.DATA, renew=1 << 20))
                    epoch = await writer.call(lambda spool: spool.epoch)
                await forger.publish(down(BOX, Down.ACK), body)
            await writer.append([data(1)])
            link.appended()
            await until(lambda: len(far.stored) == 1, lambda: far.seen)
    caused = [line for line in lines if line["event"] not in {"uplink_connected", "uplink_ended"}]
    assert 0 < len(caused) <= LINES_MOST


def test_what_was_left_out_of_a_minute_is_counted() -> None:
    log = PortalLog()
    with capture_logs() as lines:
        for n in range(LINES_MOST + 7):
            log.write("warning", "epoch_changed", n, renew=n)
        log.write("info", "pause_requested", MINUTE_MS, wait_ms=1)
    assert [line["event"] for line in lines] == [
        *["epoch_changed"] * LINES_MOST,
        "log_lines_suppressed",
        "pause_requested",
    ]
    assert lines[-2]["lines"] == 7
