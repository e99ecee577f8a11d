"""The server under the metrics, in this process: whoever misuses it costs nothing but answers."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest
from structlog.testing import capture_logs

from gateway.metrics.server import CLIENTS_LIMIT, CONNECTIONS_LIMIT, HEAD_LIMIT, MetricsServer
from tests.peers import free_port


class Page:
    """A server with a page of our own."""

    def __init__(self, token: str = "", patience_s: float = 10.0) -> None:
        self.port = free_port()
        self.breaks = False
        self.server = MetricsServer(self._page, "text/plain", token, patience_s)
        self._task: asyncio.Task[None] | None = None

    async def _page(self) -> bytes:
        if self.breaks:
            raise RuntimeError("a figure broke")
        return b"a 1\n"

    async def __aenter__(self) -> Self:
        ready = asyncio.Event()
        self._task = asyncio.create_task(self.server.run("127.0.0.1", self.port, ready.set))
        await ready.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def say(self, text: bytes) -> bytes:
        """What it answers to these bytes until it closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(text)
        answer = await reader.read()
        writer.close()
        return answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET /metrics?a=b HTTP/1.0\r\n\r\n", 200),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", 200),
        (b"HEAD / HTTP/1.1\r\n\r\n", 404),
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 405),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"GET /metrics\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"y" * (2 * HEAD_LIMIT) + b"\r\n\r\n", 400),
    ],
)
async def test_one_path_one_method_and_nothing_else(request_: bytes, status: int) -> None:
    async with Page() as page:
        answer = await page.say(request_)
    assert re.match(rb"HTTP/1\.1 (\d+) ", answer)[1] == str(status).encode()  # type: ignore[index] # it matched
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(re.search(rb"Content-Length: (\d+)", head)[1])  # type: ignore[index] # it is there
    assert len(body) == (0 if request_.startswith(b"HEAD") else length)


async def test_a_reader_that_says_nothing_is_sent_away_and_few_are_served_at_once() -> None:
    async with Page(patience_s=0.4) as page:
        idle = [await asyncio.open_connection("127.0.0.1", page.port) for _ in range(CLIENTS_LIMIT)]
        answers = await page.say(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert answers.startswith(b"HTTP/1.1 503")
        for reader, writer in idle:
            assert (await reader.read()).startswith(b"HTTP/1.1 408")
            writer.close()
        assert (await page.say(b"GET /metrics HTTP/1.1\r\n\r\n")).endswith(b"a 1\n")


async def test_a_figure_that_breaks_costs_one_answer() -> None:
    async with Page() as page:
        page.breaks = True
        with capture_logs() as logs:
            answer = await page.say(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 500")
        assert [entry["event"] for entry in logs] == ["metrics_page_failed"]
        page.breaks = False
        assert (await page.say(b"GET /metrics HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200")


TOKEN = "pässwörd-秘密"


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        (b"Authorization: Bearer " + TOKEN.encode(), 200),
        (b"authorization:  bearer   " + TOKEN.encode() + b"  ", 200),
        (b"Authorization: Bearer " + "pässwörd".encode("latin-1"), 401),
        (b"Authorization: Bearer " + TOKEN.encode()[:-1], 401),
        (b"Authorization: Bearer " + TOKEN.encode() * 2, 401),
        (b"Authorization: Bearer \xff\x00\xfe", 401),
        (b"Authorization: Bearer " + TOKEN.encode() + b"\r\nAuthorization: x", 401),
        (b"X-Authorization: Bearer " + TOKEN.encode(), 401),
    ],
)
async def test_a_token_is_its_octets(shown: bytes, status: int) -> None:
    async with Page(TOKEN) as page:
        answer = await page.say(b"GET /metrics HTTP/1.1\r\n" + shown + b"\r\n\r\n")
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        in_the_query = f"GET /metrics?token={TOKEN}&access_token={TOKEN} HTTP/1.1\r\n\r\n"
        assert (await page.say(in_the_query.encode())).startswith(b"HTTP/1.1 401 ")


async def test_a_flood_of_connections_takes_few_of_the_daemons_files() -> None:
    async with Page() as page:
        before = _open_files()
        flood = await asyncio.gather(
            *(asyncio.open_connection("127.0.0.1", page.port) for _ in range(300))
        )
        for _ in range(100):  # turns of the loop, in which everybody is accepted and most sent away
            await asyncio.sleep(0)
        assert _open_files() - before - len(flood) <= CONNECTIONS_LIMIT
        for _, writer in flood:
            writer.close()
        assert await _served(page)


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def _served(page: Page) -> bool:
    """Whether a reader is served as before, once the others' ends have arrived."""
    for _ in range(1000):
        with suppress(ConnectionError):
            answer = await page.say(b"GET /metrics HTTP/1.1\r\n\r\n")
            if answer.startswith(b"HTTP/1.1 200"):
                return True
    return False
