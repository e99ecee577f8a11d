"""Every way that asking a device can fail; library errors are translated into these once.

::

    ProtocolError            what went wrong, where, and what to do next
    |-- Timeout              nothing answered in time; the line itself is fine
    |-- Unreachable          there is no connection: refused, lost, no route, unknown name
    |     `-- LineClosed     the line was closed here; who needs it opens another one
    |-- InvalidResponse      something came that is not an answer to the request
    `-- ErrorResponse        the device (or its gateway) understood the request and refused it

``str()`` of each is one line: where, what, why, next step.
"""

from __future__ import annotations

import socket

from console.templates import protocol
from console.text import NO_MESSAGE, Message, MessageError


class ProtocolError(MessageError):
    """A device could not be asked, or gave no usable answer.

    Args:
        what: The fact.
        where: The line and unit: ``modbus tcp:192.0.2.7:502 unit 3``.
        why: The cause, where it is known and not the fact itself.
        next_step: What a person can do about it.
    """

    def __init__(
        self, what: Message, *, where: str, why: Message = NO_MESSAGE, next_step: Message
    ) -> None:
        super().__init__(what, where=where, why=why, next_step=next_step)


class Timeout(ProtocolError):  # noqa: N818 # what happened, as in the tree above
    """Nothing answered in time. The connection is kept: others may share it."""

    def __init__(
        self,
        what: Message,
        *,
        where: str,
        why: Message = NO_MESSAGE,
        next_step: Message = NO_MESSAGE,
    ) -> None:
        step = next_step or protocol.CHECK_DEVICE()
        super().__init__(what, where=where, why=why, next_step=step)


class Unreachable(ProtocolError):  # noqa: N818 # what happened, as in the tree above
    """There is no connection to talk over."""

    def __init__(
        self,
        what: Message,
        *,
        where: str,
        why: Message = NO_MESSAGE,
        next_step: Message = NO_MESSAGE,
    ) -> None:
        step = next_step or protocol.CHECK_NETWORK()
        super().__init__(what, where=where, why=why, next_step=step)


class LineClosed(Unreachable):
    """The line was closed here, because nobody uses it any more, or in another way than before."""

    def __init__(self, *, where: str) -> None:
        super().__init__(protocol.LINE_CLOSED(), where=where, next_step=protocol.TRY_AGAIN())


class InvalidResponse(ProtocolError):  # noqa: N818 # what happened, as in the tree above
    """Something came that is not an answer to the request.

    Attributes:
        expected: What the answer had to be.
        came: What came instead.
    """

    def __init__(
        self,
        *,
        expected: Message,
        came: Message,
        where: str,
        why: Message = NO_MESSAGE,
        next_step: Message = NO_MESSAGE,
    ) -> None:
        self.expected = expected
        self.came = came
        super().__init__(
            protocol.INVALID_RESPONSE(expected=expected, received=came),
            where=where,
            why=why,
            next_step=next_step or protocol.CHECK_PROTOCOL(),
        )


class ErrorResponse(ProtocolError):  # noqa: N818 # what happened, as in the tree above
    """The device understood the request and refused it; ``why`` is the reason that it gave.

    Attributes:
        code: The protocol's own number for the reason.
    """

    def __init__(
        self, *, code: int, reason: Message, what: Message, where: str, next_step: Message
    ) -> None:
        self.code = code
        super().__init__(what, where=where, why=reason, next_step=next_step)


def unknown_name(host: str, where: str, error: Exception) -> Unreachable:
    """The error that the name of a host does not resolve."""
    again = isinstance(error, TimeoutError) or (
        isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
    )
    return Unreachable(
        protocol.UNKNOWN_NAME(host=host),
        where=where,
        why=protocol.NO_NAME_SERVER() if again else NO_MESSAGE,
        next_step=protocol.CHECK_NAME(),
    )
