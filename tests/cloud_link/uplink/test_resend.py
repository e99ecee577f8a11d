"""A portal that lost what it had acknowledged, over a real broker."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cloud_link.wire import Ack, Batch, Lane
from tests import peers
from tests.cloud_link.scripted_portal import portal
from tests.cloud_link.uplink.harness import BOX, data, spool, until, until_empty, uplink

pytestmark = pytest.mark.peer("mosquitto")


async def test_what_the_portal_lost_comes_again_and_then_the_session_is_announced(
    broker: peers.Mosquitto, tmp_path: Path
) -> None:
    async with spool(tmp_path) as writer, portal(broker.url, BOX) as far:
        await writer.append([data(n) for n in range(60)])
        async with uplink(writer, broker.url) as link:
            await until_empty(writer)
            far.stored.clear()

            def lost(batch: Batch) -> Ack | None:
                far.answer = far.store
                ack = far.store(batch)
                return msgspec.structs.replace(ack, resend=((0, 59),)) if ack else None

            far.answer = lost
            await writer.append([data(60)])
            link.appended()
            await until(lambda: len(far.stored) == 61, lambda: far.stored.keys())
            assert far.order[60][2] == 60, "what is fresh did not wait"
            assert {far.seen[name] for name in far.order[:60]} == {2}
            await until_empty(writer)

            def reached() -> bool:
                told = far.online[-1].acknowledged
                return bool(told) and told[-1].lanes.get(Lane.DATA) == 60

            await until(reached, lambda: far.online)
            assert len({online.session for online in far.online}) == 1
