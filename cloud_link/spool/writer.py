"""The spool for asyncio: one worker thread, and commits that carry all waiting appends.

A commit costs the disk a flush, milliseconds on flash, whatever it carries. So an append that
finds the writer idle is committed at once, and those that come while a commit is running share
the next one::

    append --+                +-- commit (1 entry)
    append ----+--------------|-- commit (3 entries)
    append ------+            |
    append ---------+---------+
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from cloud_link.spool.model import Entry, SpoolError, SpoolLimits
from cloud_link.spool.spool import Spool
from console.templates.spool import CLOSED

T = TypeVar("T")

GROUP_ENTRIES: Final = 2_000
"""Most entries in one commit, so that no append waits long for the others."""
GROUP_BYTES: Final = 1024 * 1024


class RecordSink(Protocol):
    """The spool's thread for those who only append; `SpoolWriter` is one."""

    async def append(self, entries: Iterable[Entry]) -> tuple[int, ...]:
        """Return the numbers of the entries once all are on the disk; raises `SpoolError`."""

    @property
    def generation(self) -> int:
        """`cloud_link.spool.spool.Spool.generation`, as the last append left it or later."""


class SpoolReader(Protocol):
    """The spool's thread for those who only look into the spool; `SpoolWriter` is one."""

    async def call(self, function: Callable[[Spool], T]) -> T:
        """Return what ``function`` does there; raises `SpoolError`."""


@dataclass(slots=True)
class _Job(Generic[T]):
    """A job of the thread: entries to append, or a function to call; the future of its result."""

    future: asyncio.Future[T]
    entries: tuple[Entry, ...] = ()
    function: Callable[[Spool], T] | None = None

    @property
    def size(self) -> int:
        return sum(len(entry.body) for entry in self.entries)


class SpoolWriter:
    """Owns a `Spool` in a worker thread; opened by `SpoolWriter.open`; an async context manager.

    Jobs are done in the order of their calls. A caller that is cancelled while it waits may find
    its records accepted all the same: a job that was handed over is not taken back.

    Attributes:
        generation: `Spool.generation` as the last finished job left it, without a call into the
            thread.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._closing = False
        self._ended = self._loop.create_future()
        self._thread: threading.Thread | None = None
        self.generation = 0

    @classmethod
    async def open(cls, folder: Path, *, boot: bytes, limits: SpoolLimits) -> SpoolWriter:
        """Open the spool in a new thread; raises the errors of `Spool.open`."""
        writer = cls()
        opened: asyncio.Future[None] = writer._loop.create_future()

        def make() -> Spool:
            return Spool.open(folder, boot=boot, limits=limits)

        # A daemon thread: a program that dies without closing must not hang, and loses nothing.
        thread = threading.Thread(
            target=writer._run, args=(make, opened), name="spool", daemon=True
        )
        writer._thread = thread
        thread.start()
        try:
            await asyncio.shield(opened)
        except asyncio.CancelledError:
            await writer.aclose()
            raise
        return writer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def append(self, entries: Iterable[Entry]) -> tuple[int, ...]:
        """Return the numbers of ``entries`` once they are accepted: on the disk.

        Raises:
            SpoolFullError: None of them was accepted.
        """
        batch = tuple(entries)
        if not batch:
            return ()
        job: _Job[tuple[int, ...]] = _Job(self._loop.create_future(), entries=batch)
        self._submit(job)
        return await job.future

    async def call(self, function: Callable[[Spool], T]) -> T:
        """Return ``function(spool)``, run in the spool's thread after all earlier jobs."""
        job: _Job[T] = _Job(self._loop.create_future(), function=function)
        self._submit(job)
        return await job.future

    async def aclose(self) -> None:
        """Finish all jobs, close the spool and end the thread; a second call has no effect."""
        if not self._closing:
            self._closing = True
            self._jobs.put(None)
        await asyncio.shield(self._ended)
        if self._thread is not None:
            self._thread.join()

    def _submit(self, job: _Job[Any]) -> None:
        if self._closing:
            raise SpoolError(CLOSED())
        self._jobs.put(job)

    # In the worker thread

    def _run(self, make: Callable[[], Spool], opened: asyncio.Future[None]) -> None:
        try:
            spool = make()
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            self._closing = True
            self._resolve(self._ended, None, None)
            self._resolve(opened, None, error)
            return
        self.generation = spool.generation
        self._resolve(opened, None, None)
        try:
            while self._run_next(spool):
                pass
        finally:
            spool.close()
            self._resolve(self._ended, None, None)

    def _run_next(self, spool: Spool) -> bool:
        """Do one commit or one call; returns whether the writer goes on."""
        job = self._jobs.get()
        waiting: list[_Job[Any]] = []
        while job is not None and job.function is None:
            waiting.append(job)
            if self._is_full(waiting):
                break
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
        if waiting:
            self._append(spool, waiting)
        if job is not None and job.function is not None:
            self._call(spool, job)
        return job is not None

    @staticmethod
    def _is_full(waiting: list[_Job[Any]]) -> bool:
        entries = sum(len(job.entries) for job in waiting)
        return entries >= GROUP_ENTRIES or sum(job.size for job in waiting) >= GROUP_BYTES

    def _append(self, spool: Spool, jobs: list[_Job[Any]]) -> None:
        try:
            numbers = spool.append([entry for job in jobs for entry in job.entries])
        except Exception as error:  # noqa: BLE001 - handed to the caller
            self.generation = spool.generation
            self._loop.call_soon_threadsafe(_fail, jobs, error)
        else:
            self.generation = spool.generation
            self._loop.call_soon_threadsafe(_distribute, jobs, numbers)

    def _call(self, spool: Spool, job: _Job[Any]) -> None:
        assert job.function is not None
        try:
            result = job.function(spool)
        except Exception as error:  # noqa: BLE001 - handed to the caller
            self.generation = spool.generation
            self._resolve(job.future, None, error)
        else:
            self.generation = spool.generation
            self._resolve(job.future, result, None)

    def _resolve(self, future: asyncio.Future[T], result: T, error: BaseException | None) -> None:
        self._loop.call_soon_threadsafe(_resolve, future, result, error)


def _distribute(jobs: list[_Job[Any]], numbers: tuple[int, ...]) -> None:
    start = 0
    for job in jobs:
        end = start + len(job.entries)
        _resolve(job.future, numbers[start:end], None)
        start = end


def _fail(jobs: list[_Job[Any]], error: Exception) -> None:
    for job in jobs:
        _resolve(job.future, None, error)


def _resolve(future: asyncio.Future[T], result: T, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
