"""The uplink with a real spool, a real Mosquitto and a scripted portal."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from cloud_link.records import table_id
from cloud_link.spool.model import SpoolLimits
from cloud_link.spool.writer import SpoolWriter
from cloud_link.uplink.model import UplinkLimits
from cloud_link.wire import (
    VERSION,
    Ack,
    Batch,
    Lane,
)
from tests import peers
from tests.cloud_link.scripted_portal import portal
from tests.cloud_link.uplink.harness import (
    BOOT,
    BOX,
    TABLE,
    data,
    event,
    spool,
    stats,
    until,
    until_empty,
    uplink,
)

pytestmark = pytest.mark.peer("mosquitto")


async def test_what_is_accepted_arrives_and_is_deleted_on_the_portals_word(
    broker: peers.Mosquitto, tmp_path: Path
) -> None:
    async with spool(tmp_path) as writer, portal(broker.url, BOX) as far:
        await writer.append([data(n) for n in range(100)] + [event(1)])
        async with uplink(writer, broker.url) as link:
            await until_empty(writer)
            await writer.append([data(100)])
            link.appended()
            await until_empty(writer)
            assert len(far.stored) == 102
            assert set(far.seen.values()) == {1}
            assert far.table_messages == 1
            state = link.state
            assert (state.delivered, state.rejected, state.error) == (102, 0, None)
            assert state.connected_since is not None
            assert state.last_ack_at is not None
            assert state.in_flight_records == state.in_flight_bytes == 0
        await until(lambda: len(far.online) == 2, lambda: far.online)
        hello, bye = far.online
        assert (hello.alive, bye.alive) == (True, False)
        assert hello.session == bye.session == 1
        assert (hello.boot, hello.software, hello.offset) == (BOOT, "1.2.3", 42)
        assert hello.next == {0: 0, 1: 1, 2: 0, 3: 100}
        assert link.state.connected_since is None


async def test_puback_alone_deletes_nothing(broker: peers.Mosquitto, tmp_path: Path) -> None:
    async with spool(tmp_path) as writer, portal(broker.url, BOX) as far:
        far.answer = far.silent
        await writer.append([data(n) for n in range(20)])
        async with uplink(writer, broker.url):
            await until(lambda: max(far.seen.values(), default=0) >= 3, lambda: far.seen)
            assert sum((await stats(writer)).records.values()) == 20
            far.answer = far.store
            await until_empty(writer)
        assert len(far.stored) == 20


async def test_a_portal_that_is_not_there_costs_nothing_and_is_found_when_it_comes(
    broker: peers.Mosquitto, tmp_path: Path
) -> None:
    async with spool(tmp_path) as writer:
        await writer.append([data(n) for n in range(200)])
        async with uplink(writer, broker.url) as link:
            await until(lambda: "0x10" in str(link.state.error), lambda: link.state)
            assert link.state.pausing
            async with portal(broker.url, BOX) as far:
                await until_empty(writer)
                assert len(far.stored) == 200
                assert [online.alive for online in far.online] == [True]
                assert not link.state.error
                await until(lambda: not link.state.pausing, lambda: link.state)


async def test_a_lost_table_is_sent_again(broker: peers.Mosquitto, tmp_path: Path) -> None:
    async with spool(tmp_path) as writer, portal(broker.url, BOX) as far:
        async with uplink(writer, broker.url) as link:
            await writer.append([data(0)])
            link.appended()
            await until_empty(writer)
            far.tables.clear()
            await writer.append([data(n) for n in range(1, 50)])
            link.appended()
            await until_empty(writer)
        assert len(far.stored) == 50
        assert far.table_messages == 2


PATIENT = UplinkLimits(
    ack_timeout_ms=800_000, gather_ms=100_000, poll_ms=200, window_bytes=1_000, batch_bytes=400
)
"""Answers gather far longer than a test may take."""


async def test_answers_that_only_say_ok_gather_until_one_says_more(
    broker: peers.Mosquitto, tmp_path: Path
) -> None:
    async with spool(tmp_path) as writer, portal(broker.url, BOX) as far:

        def refuse_nine(batch: Batch) -> Ack | None:
            seqs = [seq for seq, _ in batch.items]
            if seqs != [9]:
                return far.store(batch)
            return Ack(VERSION, batch.epoch, batch.lane, rejected=((9, "misfit"),))

        far.answer = refuse_nine
        async with uplink(writer, broker.url, limits=PATIENT) as link:
            for n in range(9):
                await writer.append([event(n)])
                link.appended()
                await until(lambda n=n: len(far.stored) == n + 1, lambda: far.seen)  # type: ignore[misc]
            assert (await stats(writer)).records[Lane.EVENT] == 9
            assert link.state.delivered == 0
            await writer.append([event(9)])
            link.appended()
            await until_empty(writer)
            assert (link.state.delivered, link.state.rejected) == (9, 1)


async def test_a_portal_that_asks_for_a_pause_gets_every_record_once_it_takes_them(
    broker: peers.Mosquitto, tmp_path: Path
) -> None:
    async with spool(tmp_path) as writer, portal(broker.url, BOX) as far:
        refused: list[Batch] = []

        def over_budget(batch: Batch) -> Ack | None:
            if len(refused) >= 20:
                return far.store(batch)
            refused.append(batch)
            if len(refused) % 2:
                return None
            return Ack(VERSION, bytes(8), Lane.DATA, wait_ms=30)

        far.answer = over_budget
        await writer.append([data(n) for n in range(300)])
        async with uplink(writer, broker.url, limits=replace(PATIENT, gather_ms=20)):
            await until_empty(writer)
        assert len(far.stored) == 300
        assert len(refused) == 20


async def test_answers_do_not_gather_while_sending_waits_for_room(
    broker: peers.Mosquitto, tmp_path: Path
) -> None:
    async with spool(tmp_path) as writer, portal(broker.url, BOX) as far:
        await writer.append([event(n) for n in range(500)])
        async with uplink(writer, broker.url, limits=PATIENT) as link:
            await until(lambda: len(far.stored) == 500, lambda: far.stored)
            assert link.state.delivered > 400
        assert set(far.seen.values()) == {1}


async def test_answers_still_gathering_are_settled_when_the_session_ends(
    broker: peers.Mosquitto, tmp_path: Path
) -> None:
    async with spool(tmp_path) as writer, portal(broker.url, BOX) as far:
        await writer.append([event(0)])
        async with uplink(writer, broker.url, limits=PATIENT) as link:
            await until(lambda: len(far.stored) == 1, lambda: far.stored)
            far.answer = far.silent
            await writer.append([event(1)])
            link.appended()
            await until(lambda: far.messages == 2, lambda: far.messages)
            await until(lambda: link.state.gathered_acks == 1, lambda: link.state)
            assert (await stats(writer)).records[Lane.EVENT] == 2
        assert (await stats(writer)).records[Lane.EVENT] == 1


async def test_conflict_and_renew_begin_a_new_epoch(
    broker: peers.Mosquitto, tmp_path: Path
) -> None:
    async with spool(tmp_path) as writer, portal(broker.url, BOX) as far:
        first = await writer.call(lambda spool: spool.epoch)

        def clash(batch: Batch) -> Ack | None:
            if batch.epoch != first:
                return far.store(batch)
            seqs = tuple(seq for seq, _ in batch.items)
            if 0 in seqs:
                return Ack(VERSION, batch.epoch, batch.lane, conflict=seqs)
            return Ack(VERSION, batch.epoch, batch.lane, renew=70, ok=tuple((n, n) for n in seqs))

        far.answer = clash
        await writer.append([event(n) for n in range(5)])
        async with uplink(writer, broker.url) as link:
            await until_empty(writer)
            second = await writer.call(lambda spool: spool.epoch)
            assert second != first
            assert {epoch for epoch, _, _ in far.stored} == {second}
            assert len(far.stored) == 5
            await until(lambda: len(far.online) == 2, lambda: far.online)
            assert far.online[-1].epoch == second
            first = second
            await writer.append([event(n) for n in range(5, 7)])
            link.appended()
            await until_empty(writer)
            assert await writer.call(lambda spool: spool.ordinal) == 71


@pytest.mark.parametrize("kind", ["rejected", "need_table", "conflict", "silent"])
async def test_a_portal_that_takes_nothing_does_not_make_the_box_spin(
    broker: peers.Mosquitto, tmp_path: Path, kind: str
) -> None:
    async with spool(tmp_path) as writer, portal(broker.url, BOX) as far:

        def stubborn(batch: Batch) -> Ack | None:
            seqs = tuple(seq for seq, _ in batch.items)
            name = (VERSION, batch.epoch, batch.lane)
            if kind == "rejected":
                return Ack(*name, rejected=tuple((seq, "refused") for seq in seqs))
            if kind == "need_table":
                return Ack(*name, need_table=tuple((seq, table_id(TABLE)) for seq in seqs))
            return Ack(*name, conflict=seqs) if kind == "conflict" else None

        far.answer = stubborn
        limits = UplinkLimits(ack_timeout_ms=1_000, pause_ms=500, max_wait_ms=60_000)
        await writer.append([data(n) for n in range(300)])
        async with uplink(writer, broker.url, limits=limits) as link:
            await until(lambda: far.messages > 0, lambda: link.state)
            process = psutil.Process()
            before = process.cpu_times()
            await asyncio.sleep(2)  # the observation itself: nothing is waited for
            after = process.cpu_times()
            used = after.user + after.system - before.user - before.system
            assert used < 0.6, f"{used:.2f} s of CPU in 2 s"
            assert far.messages < 20
            if kind == "rejected":
                await until_empty(writer)
                assert link.state.rejected == 300
            else:
                assert (await stats(writer)).records[Lane.DATA] == 300


async def test_a_backlog_of_5000_does_not_delay_fresh_records(
    broker: peers.Mosquitto, tmp_path: Path
) -> None:
    async with spool(tmp_path) as writer, portal(broker.url, BOX) as far:
        await writer.append([data(n, width=60) for n in range(5_000)])
        epoch = await writer.call(lambda spool: spool.epoch)
        far.permits = asyncio.Semaphore(0)
        limits = UplinkLimits(window_bytes=16_000, batch_bytes=2_000, read_bytes=8_000)
        behind: list[int] = []
        async with uplink(writer, broker.url, limits=limits) as link:
            await until(lambda: link.state.in_flight_bytes >= 14_000, lambda: link.state)
            for value in range(5_000, 5_025):
                (seq,) = await writer.append([data(value)])
                link.appended()
                name, before = (epoch, int(Lane.DATA), seq), far.messages
                while name not in far.seen:
                    seen = far.messages
                    far.permits.release()
                    await until(lambda seen=seen: far.messages > seen, lambda: link.state)  # type: ignore[misc] # bound now
                behind.append(far.messages - before - 1)
            left = sum((await stats(writer)).records.values())
            for _ in range(10_000):
                far.permits.release()
            await until_empty(writer)
        assert left > 2_000, "the backlog was still there: the test tests something"
        # In flight when it came: 16,000 / 2,000 messages, one more, and one turn of the backlog.
        assert max(behind) <= 10, behind
        assert len(far.stored) == 5_025


async def test_a_gap_reaches_the_portal(broker: peers.Mosquitto, tmp_path: Path) -> None:
    limits = SpoolLimits(cap_bytes=400_000, gap_reserve_bytes=100_000, reserve_file_bytes=0)
    async with (
        await SpoolWriter.open(tmp_path / "spool", boot=BOOT, limits=limits) as writer,
        portal(broker.url, BOX) as far,
    ):
        for chunk in range(0, 6_000, 500):
            await writer.append([data(n) for n in range(chunk, chunk + 500)])
        assert sum((await stats(writer)).dropped.values()) > 0
        async with uplink(writer, broker.url):
            await until_empty(writer)
        lanes = {lane for _, lane, _ in far.stored}
        assert int(Lane.GAP) in lanes
        gaps = [name for name in far.order if name[1] == Lane.GAP]
        assert far.order[: len(gaps)] == gaps, "before everything else"


async def test_a_silent_portal_costs_no_gap_record_an_attempt_and_what_flew_is_not_dropped(
    broker: peers.Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud_link.uplink.sealing.SEAL_MS", 0)
    limits = SpoolLimits(cap_bytes=400_000, gap_reserve_bytes=100_000, reserve_file_bytes=0)
    async with (
        await SpoolWriter.open(tmp_path / "spool", boot=BOOT, limits=limits) as writer,
        portal(broker.url, BOX) as far,
    ):
        far.answer = far.silent

        async def arrive(messages: int) -> None:
            await writer.append([data(n) for n in range(500)])
            await until(lambda: far.messages >= messages, lambda: far.messages)

        for _ in range(3):  # sessions
            async with uplink(writer, broker.url):
                for _ in range(10):
                    await arrive(far.messages + 1)
        last = await stats(writer)
        assert last.dropped[Lane.DATA] > 3_000
        assert last.records[Lane.GAP] + last.open_gaps <= 2
        far.answer = far.store
        async with uplink(writer, broker.url):
            await until_empty(writer)
        assert far.seen.keys() == far.stored.keys(), "what had arrived once was not dropped"
