"""The wall clock of the ledger's boxes: as wrong as libfaketime makes the machine's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.clock import ClockSample, SystemClock
from tests.e2e.ledger.expected_values import OFFSET

if TYPE_CHECKING:
    from collections.abc import Callable

_GRAIN_MS = 1_000
"""The error is taken in whole seconds: how long reading two clocks takes does not count."""


class LedgerClock:
    """The devices' own time, and what the box's wall clock makes of it (`ClockSource`).

    Args:
        boot_id: The boot, 32 hexadecimal digits.
        now: Returns milliseconds since boot, in the devices' own time.
        true_offset: From the machine's boot to Unix time, in milliseconds, as a clock says it that
            was never set wrong; ``None``: the box's clock is right, and vouched for.
        credulous: The control: take every time as vouched for.
    """

    def __init__(
        self,
        boot_id: str,
        now: Callable[[], int],
        true_offset: int | None,
        *,
        credulous: bool = False,
    ) -> None:
        self.boot_id = boot_id
        self._now = now
        self._true_offset = true_offset
        self._credulous = credulous
        self._machine = SystemClock()

    def now(self) -> int:
        """See `ClockSource.now`."""
        return self._now()

    def sample(self) -> ClockSample:
        """See `ClockSource.sample`."""
        boot = self._now()
        if self._true_offset is None:
            return ClockSample(boot=boot, wall=boot + OFFSET, synchronised=True)
        seen = self._machine.sample()
        error = round((seen.wall - seen.boot - self._true_offset) / _GRAIN_MS) * _GRAIN_MS
        return ClockSample(
            boot=boot,
            wall=boot + OFFSET + error,
            synchronised=seen.synchronised or self._credulous,
        )
