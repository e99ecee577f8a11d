"""Every way that asking a device can fail; library errors are translated into these once.

::

    ProtocolError            what went wrong, where, and what to do next
    |-- Timeout              nothing answered in time; the line itself is fine
    |-- Unreachable          there is no connection: refused, lost, no route, unknown name
    |     `-- LineClosed     the line was closed here; who needs it opens another one
    |-- InvalidResponse      something came that is not an answer to the request
    `-- ErrorResponse        the device (or its gateway) understood the request and refused it

``str()`` of each is one line for a person: where, what, next step.
"""

from __future__ import annotations

from console.text import NO_MESSAGE, Message, MessageError


class ProtocolError(MessageError):
    """A device could not be asked, or gave no usable answer.

    Args:
        what: The fact, in one clause, without a full stop.
        where: The line and unit: ``modbus-tcp 192.0.2.7:502 unit 3``.
        next_step: What a person can do about it.
    """

    def __init__(
        self,
        what: Message | str,
        *,
        where: str,
        why: Message | str = NO_MESSAGE,
        next_step: Message | str,
    ) -> None:
        super().__init__(what, where=where, why=why, next_step=next_step)


class Timeout(ProtocolError):  # noqa: N818 # what happened, as in the tree above
    """Nothing answered in time. The connection is kept: others may share it."""

    def __init__(self, what: Message | str, *, where: str, next_step: Message | str = "") -> None:
        step = next_step or "Check the unit id, the wiring and that the device has power"
        super().__init__(what, where=where, next_step=step)


class Unreachable(ProtocolError):  # noqa: N818 # what happened, as in the tree above
    """There is no connection to talk over."""

    def __init__(
        self,
        what: Message | str,
        *,
        where: str,
        why: Message | str = NO_MESSAGE,
        next_step: Message | str = "",
    ) -> None:
        step = next_step or "Check the address, the port and the network between"
        super().__init__(what, where=where, why=why, next_step=step)


class LineClosed(Unreachable):
    """The line was closed here, because nobody uses it any more, or in another way than before."""

    def __init__(self, *, where: str) -> None:
        super().__init__("the line was closed here", where=where, next_step="Try again")


class InvalidResponse(ProtocolError):  # noqa: N818 # what happened, as in the tree above
    """Something came that is not an answer to the request.

    Attributes:
        expected: What the answer had to be.
        came: What came instead.
    """

    def __init__(self, *, expected: str, came: str, where: str, next_step: str = "") -> None:
        self.expected = expected
        self.came = came
        step = next_step or (
            "Check that no other program uses the line and that the device speaks this protocol"
        )
        super().__init__(f"expected {expected}, came {came}", where=where, next_step=step)


class ErrorResponse(ProtocolError):  # noqa: N818 # what happened, as in the tree above
    """The device understood the request and refused it.

    Attributes:
        code: The protocol's own number for the reason.
        reason: The name of that number: ``illegal data address``.
    """

    def __init__(self, *, code: int, reason: str, what: str, where: str, next_step: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{what}: {reason} (code {code})", where=where, next_step=next_step)
