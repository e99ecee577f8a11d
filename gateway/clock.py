"""The box's clocks: milliseconds since boot, and their offset to UTC once that is known.

Everything is dated in ``CLOCK_BOOTTIME``, which a wrong or stepped wall clock cannot touch. The
offset to Unix time is a record of its own, a `cloud_link.records.ClockRecord` that `OffsetWatch`
makes:

    unset --plausible wall clock--> assumed --a source vouches--> synchronised --+
                                     |  ^  ^                        |            | stepped, and
                             stepped +--+  |                        +------------+ vouched for
                                           |                        |
                                           +-- stepped, and nobody --+
                                               vouches for it

Sources: clock_gettime(2), adjtimex(2), proc_sys_kernel(5) for ``random/boot_id``.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from cloud_link.limits import BOOT_SIZE, LATEST_MS
from cloud_link.records import ClockRecord
from drivers.report import Clock

RELEASE_MS: Final = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1000)
"""Unix milliseconds of this software's release: a wall clock before it is unset."""
STEP_MS: Final = 200
"""A change of the offset by less, in milliseconds, is the kernel's slewing or rounding: no step."""
_STA_UNSYNC: Final = 0x40
_TIME_ERROR: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSample:
    """Both clocks at one instant, in milliseconds.

    Attributes:
        boot: Since boot.
        wall: Unix time.
        synchronised: Whether a time source vouches for ``wall``.
    """

    boot: int
    wall: int
    synchronised: bool


class ClockSource(Protocol):
    """Reads the clocks; `gateway.fakes.ManualClock` is one that tests set."""

    boot_id: str
    """The kernel's boot id: 32 hexadecimal digits."""

    def now(self) -> int:
        """Milliseconds since boot."""

    def sample(self) -> ClockSample:
        """Read both clocks together."""


class BoxClock(Protocol):
    """The box's clocks, as `gateway.intake.clock_watch.ClockWatch` follows them."""

    @property
    def boot(self) -> bytes:
        """The first bytes of this boot's id."""

    @property
    def synchronised(self) -> bool:
        """Whether a time source vouches for the clock."""

    def now(self) -> int:
        """Milliseconds since boot."""

    def clock(self) -> Clock:
        """What a report made now says about its time."""


class SystemClock:
    """The kernel's clocks."""

    def __init__(self, boot_id: Path = Path("/proc/sys/kernel/random/boot_id")) -> None:
        self.boot_id = boot_id.read_text(encoding="ascii").strip().replace("-", "")
        self._libc = ctypes.CDLL(None, use_errno=True)

    def now(self) -> int:
        """See `ClockSource.now`."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def sample(self) -> ClockSample:
        """See `ClockSource.sample`."""
        # Asked before and after: a clock that is set in between was not vouched for when read.
        synchronised = self._synchronised()
        boot = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        wall = time.clock_gettime_ns(time.CLOCK_REALTIME)
        boot = (boot + time.clock_gettime_ns(time.CLOCK_BOOTTIME)) // 2
        # The offset is rounded once: boot + offset then agrees with the wall to a millisecond.
        offset = round((wall - boot) / 1_000_000)
        boot //= 1_000_000
        synchronised = synchronised and self._synchronised()
        return ClockSample(boot=boot, wall=boot + offset, synchronised=synchronised)

    def _synchronised(self) -> bool:
        # struct timex is 208 bytes on 64-bit Linux; modes = 0 only reads, and needs no privilege.
        timex = ctypes.create_string_buffer(512)
        state = self._libc.adjtimex(timex)
        # `status` follows modes, offset, freq, maxerror and esterror, each padded to a long.
        long_size = ctypes.sizeof(ctypes.c_long)
        status = ctypes.c_int.from_buffer(timex, 5 * long_size).value
        return state not in {-1, _TIME_ERROR} and not status & _STA_UNSYNC


class OffsetWatch:
    """Follows, sample by sample, the offset of this boot's milliseconds to Unix time. Pure.

    An offset that a time source vouched for stands for the times before a step, whatever the step
    says. One that no source vouches for is an assumption from its first moment on, until a source
    vouches again: its record then dates that whole stretch again, and nothing before it.
    """

    def __init__(self) -> None:
        self._offset: int | None = None
        self._assumed_since: int | None = 0

    @property
    def offset(self) -> int | None:
        """Milliseconds to add to a boot time for Unix time; ``None`` while unknown."""
        return self._offset

    @property
    def synchronised(self) -> bool:
        """Whether a time source has vouched for the offset that holds now."""
        return self._assumed_since is None

    def update(self, sample: ClockSample) -> ClockRecord | None:
        """Take a sample; returns the record to send when it changes the meaning of boot times.

        A wall clock that cannot be right says nothing: what is known of this boot still holds.
        """
        if not RELEASE_MS <= sample.wall < LATEST_MS:
            return None
        offset = sample.wall - sample.boot
        first = self._offset is None
        stepped = self._offset is not None and abs(offset - self._offset) > STEP_MS
        vouched = sample.synchronised and self._assumed_since is not None
        if not (first or stepped or vouched):
            return None
        if first:
            since = 0
        elif vouched and self._assumed_since is not None:
            since = self._assumed_since
        else:
            since = sample.boot
        if sample.synchronised:
            self._assumed_since = None
        elif self._assumed_since is None:
            self._assumed_since = since
        self._offset = offset
        return ClockRecord(since, offset, sample.synchronised)


async def next_moment(now: Callable[[], int], last: int | None) -> int:
    """Return the present in milliseconds since boot, after a millisecond if it is still ``last``.

    A device that answers within a millisecond is then never read twice at one moment: its readings
    would have two values, and one date.

    Args:
        now: The clock.
        last: The moment before; ``None`` where there is none.
    """
    present = now()
    if present == last:
        await asyncio.sleep(0.001)
        present = now()
    return present


def boot_bytes(boot_id: str) -> bytes:
    """Return a boot id as it is sent: its first `BOOT_SIZE` bytes."""
    return bytes.fromhex(boot_id)[:BOOT_SIZE]


def clock_of(source: ClockSource, watch: OffsetWatch) -> Clock:
    """Return the boot and the offset of a report that is made now."""
    return Clock(boot=source.boot_id, offset=watch.offset)
