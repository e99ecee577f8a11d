"""Whatever arrives as an acknowledgement, a box stays up, keeps what it has, and sends on."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from cloud_link import limits
from cloud_link.mqtt.broker import Broker
from cloud_link.mqtt.connect import connect
from cloud_link.topics import Down, down
from cloud_link.uplink.portal_log import LINES_MOST
from cloud_link.wire import VERSION
from tests import peers
from tests.cloud_link.scripted_portal import portal
from tests.cloud_link.uplink.harness import BOX, data, spool, until, until_empty, uplink

FORGED = 300


def forged(rng: random.Random, epoch: bytes) -> bytes:
    """Bytes of an acknowledgement of which any field may be of any type, length and range."""
    number = rng.choice([0, 1, 2, 3, 50, limits.SEQ_LIMIT - 1, limits.SEQ_LIMIT, -1, 2**64 - 1])
    junk: list[Any] = [
        None,
        True,
        1.5,
        -1,
        2**64 - 1,
        "",
        "\0\u202e\n",
        b"",
        [],
        {},
        [[[[]]]],
        "x" * 5000,
    ]
    run = rng.choice([[0, number], [number, 0], [number, number], [0, limits.SEQ_LIMIT - 1], [1]])
    fields: list[Any] = [
        VERSION,
        rng.choice([epoch, epoch, bytes(limits.EPOCH_SIZE), epoch[1:]]),
        rng.choice([0, 1, 2, 3, 3, 9]),
        rng.choice([[], [run], [run] * 3, [[n, n] for n in range(limits.RUNS_LIMIT + 1)]]),
        rng.choice([[], [[number, "refused"]], [[number, "\x1b[2J\n\u202e"]], [[0, "x"]] * 2]),
        rng.choice([[], [[number, bytes(limits.TABLE_ID_SIZE)]] * 2, [[number, b""]]]),
        rng.choice([[], [number], [number] * 3, [0, 1, 2]]),
        rng.choice([None, None, 0, 5, limits.RENEWAL_LIMIT, limits.ORDINAL_LIMIT]),
        rng.choice([[], [run], [run, run]]),
        rng.choice([0, 0, 1, limits.WAIT_LIMIT_MS + 1, -1]),
    ]
    if rng.random() < 0.3:
        fields[rng.randrange(len(fields))] = rng.choice(junk)
    if rng.random() < 0.1:
        fields += [rng.choice(junk)]
    body = msgspec.msgpack.encode(fields)
    if rng.random() < 0.1:
        body = body[: rng.randrange(len(body))]
    return body


@pytest.mark.parametrize("seed", range(3))
async def test_a_box_heals_from_whatever_is_forged(
    broker: peers.Mosquitto, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    with capture_logs() as lines:
        async with (
            spool(tmp_path) as writer,
            portal(broker.url, BOX) as far,
            uplink(writer, broker.url) as link,
            connect(Broker.parse(broker.url), "forger") as forger,
        ):
            await until(lambda: link.state.connected_since is not None, lambda: link.state)
            for number in range(FORGED):
                epoch = await writer.call(lambda spool: spool.epoch)
                if number % 50 == 0:
                    await writer.append([data(number)])
                    link.appended()
                await forger.publish(down(BOX, Down.ACK), forged(rng, epoch))
            await writer.append([data(FORGED)])
            link.appended()
            await until_empty(writer)
            assert link.state.connected_since is not None
            assert far.stored
    caused = [line for line in lines if line["event"] not in {"uplink_connected", "uplink_ended"}]
    assert len(caused) <= 2 * LINES_MOST
    assert all(str(value).isprintable() for line in caused for value in line.values())
