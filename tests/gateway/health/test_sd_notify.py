"""The notifications of the real daemon, on a real socket."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cloud_link.spool.model import SpoolError
from console.text import verbatim
from drivers.report import Observation
from gateway.fakes import VirtualLoop, run_virtually
from gateway.health.sd_notify import ServiceManager
from gateway.health.watchdog import Watchdog
from gateway.polling.line_poller import STALL_S
from tests.gateway.box import PATIENCE_S, Box
from tests.gateway.polling.poller_harness import PollerHarness, polled

WATCHDOG_S = 0.4
BARE = "version: 1\nsite: {time_zone: UTC}\n"


class Listener:
    """A service manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.heard: list[str] = []

    def wait(self, line: str, patience_s: float = PATIENCE_S) -> bool:
        """Whether ``line`` comes within this time of silence."""
        self.socket.settimeout(patience_s)
        while True:
            try:
                lines = self.socket.recv(4096).decode().splitlines()
            except TimeoutError:
                return False
            self.heard += lines
            if line in lines:
                return True

    def quiet(self, seconds: float) -> bool:
        """Whether, once what was sent is taken, nothing comes for this long."""
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.recv(4096)
        except BlockingIOError:
            pass
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(4096)
        except TimeoutError:
            return True
        return False


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    found = Listener(str(tmp_path / "notify"))
    yield found
    found.socket.close()


@pytest.fixture
def box(tmp_path: Path, listener: Listener) -> Iterator[Box]:
    box = Box(tmp_path / "state")
    box.variables = {
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": str(round(WATCHDOG_S * 1_000_000)),
    }
    file = tmp_path / "gateway.yaml"
    file.write_text(BARE)
    assert box.kanmon("config", "apply", str(file)).returncode == 0
    yield box
    box.kill()


def test_the_daemon_is_ready_then_alive_then_stopping(box: Box, listener: Listener) -> None:
    box.start()
    assert listener.wait("READY=1")
    assert any(line.startswith("STATUS=box b-") for line in listener.heard)
    for _ in range(3):
        assert listener.wait("WATCHDOG=1")
    assert box.end() == 0
    assert listener.wait("STOPPING=1")
    assert listener.quiet(2 * WATCHDOG_S)


def test_no_sign_of_life_while_the_loop_hangs(box: Box, listener: Listener, tmp_path: Path) -> None:
    # Nobody reads the log and the pipe is full: the next line that is logged blocks the loop.
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    filler = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    try:
        box.start(pipe)
        assert listener.wait("READY=1")
        assert listener.wait("WATCHDOG=1")
        for size in (4096, 1):
            _fill(filler, size)
        (box.state / "config.yaml").write_text("nonsense")
        assert box.process is not None
        box.process.send_signal(signal.SIGHUP)
        assert _falls_silent(listener)
        assert listener.quiet(5 * WATCHDOG_S)
        _drain(reader)
        assert listener.wait("WATCHDOG=1")

        # What the service manager would have done; the log then says where it hung.
        os.close(filler)
        filler = -1
        box.process.send_signal(signal.SIGABRT)
        assert box.process.wait(PATIENCE_S) == -signal.SIGABRT
        assert b"Fatal Python error: Aborted" in _drain(reader)
    finally:
        os.close(reader)
        if filler >= 0:
            os.close(filler)


def _fill(descriptor: int, size: int) -> None:
    try:
        while True:
            os.write(descriptor, b"x" * size)
    except BlockingIOError:
        pass


def _drain(descriptor: int) -> bytes:
    found = bytearray()
    try:
        while part := os.read(descriptor, 65536):
            found += part
    except BlockingIOError:
        pass
    return bytes(found)


def _falls_silent(listener: Listener) -> bool:
    """Whether the signs, which come twice a period, stop: reading the file takes a moment."""
    return any(listener.quiet(2 * WATCHDOG_S) for _ in range(20))


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_only_a_watchdog_that_means_us_is_served(
    variables: dict[str, str], expected: float | None
) -> None:
    assert ServiceManager.from_environment(variables).watchdog_s == expected
    assert variables == {}


def test_an_abstract_socket_is_spoken_to_and_a_missing_one_does_no_harm(tmp_path: Path) -> None:
    name = f"kanmon-test-{os.getpid()}"
    listener = Listener(f"\0{name}")
    ServiceManager(address=f"@{name}").notify("READY=1")
    assert listener.wait("READY=1", 1.0)
    listener.socket.close()
    for address in ("", f"@{name}", str(tmp_path / "nobody"), "x" * 200):
        ServiceManager(address=address).notify("READY=1")


class StuckSpool:
    """A spool whose thread answers until it is told to hang."""

    def __init__(self) -> None:
        self.hangs = False
        self.closed = False

    async def call(self, function: Callable[[Any], Any]) -> Any:
        if self.closed:
            raise SpoolError(verbatim("closed"))
        if self.hangs:
            await asyncio.Event().wait()
        return function(self)


class RecordingManager:
    """A service manager that keeps what it is notified of."""

    def __init__(self, watchdog_s: float | None = 10.0) -> None:
        self.watchdog_s = watchdog_s
        self.notifications: list[str] = []

    def notify(self, *assignments: str) -> None:
        self.notifications.extend(assignments)


def test_a_spool_that_hangs_gives_no_sign() -> None:
    spool, manager = StuckSpool(), RecordingManager()

    async def main(loop: VirtualLoop) -> None:
        task = asyncio.create_task(Watchdog(manager, spool, list).run())
        await asyncio.sleep(21)
        assert len(manager.notifications) == 5
        spool.hangs = True
        await asyncio.sleep(100)
        assert len(manager.notifications) == 5
        task.cancel()

    run_virtually(main)


def test_a_closed_spool_ends_it_and_without_a_watchdog_it_does_not_begin() -> None:
    spool, manager = StuckSpool(), RecordingManager()
    spool.closed = True

    async def main(loop: VirtualLoop) -> None:
        await Watchdog(manager, spool, list).run()
        await Watchdog(RecordingManager(None), spool, list).run()

    run_virtually(main)
    assert manager.notifications == []


class Obstinate:
    """A driver that takes no end: it swallows the cancellation of its read."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()

    async def read(self, due: frozenset[str]) -> Observation:
        while not self.let_go.is_set():
            try:
                await self.let_go.wait()
            except asyncio.CancelledError:
                continue
        raise AssertionError("let go")


def test_a_line_that_does_not_move_is_named_once_and_gives_no_sign() -> None:
    manager = RecordingManager()

    async def main(loop: VirtualLoop) -> None:
        harness = PollerHarness(loop)
        driver = Obstinate()
        harness.poller.apply([polled("stuck", driver, {"all": 1000}, "serial:/dev/ttyS0")])
        polling = asyncio.create_task(harness.poller.run())
        notifying = asyncio.create_task(
            Watchdog(manager, StuckSpool(), harness.poller.stalled).run()
        )
        await asyncio.sleep(STALL_S - 10)
        assert harness.poller.stalled() == []
        before = len(manager.notifications)
        with capture_logs() as logs:
            await asyncio.sleep(100)
        assert len(manager.notifications) <= before + 4
        assert harness.poller.stalled() == ["serial:/dev/ttyS0"]
        assert [entry["lines"] for entry in logs] == [["serial:/dev/ttyS0"]]
        driver.let_go.set()
        await asyncio.sleep(20)
        assert harness.poller.stalled() == []
        assert len(manager.notifications) > before + 4
        for task in (polling, notifying):
            task.cancel()

    run_virtually(main)
