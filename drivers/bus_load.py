"""What a device asks of the line that it shares, in seconds, whatever protocol it speaks. Pure.

::

    |-- request --|-- device's delay --|-- answer --|-- silence --|     answered
    |-- request --|---------- timeout ----------|-- answer --|drain|    unanswered: the answer may
                                                                        still come

The delay is the device's own and is learned; what the bytes take follows from the line's speed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.serial_format import SerialFormat


@dataclass(frozen=True, slots=True)
class RequestTime:
    """How long one request keeps its line, in seconds.

    Attributes:
        answered_s: Until the next request may be sent, the device's delay not included.
        unanswered_s: The same where no answer comes, timeout and drain not included.
    """

    answered_s: float
    unanswered_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BusLoad:
    """What one device asks of its line.

    Attributes:
        timeout_s: How long its silence is waited for, at most.
        drain_s: How long the line is left alone after a timeout.
        form: Speed and character of a serial line; ``None`` where a network carries it: how long
            a request takes there is not known beforehand.
        groups: By poll group, the requests that reading it alone takes.
        together: The requests that reading all groups at once takes, as where several are due.
    """

    timeout_s: float = 0.0
    drain_s: float = 0.0
    form: SerialFormat | None = None
    groups: Mapping[str, tuple[RequestTime, ...]] = field(default_factory=dict)
    together: tuple[RequestTime, ...] = ()
