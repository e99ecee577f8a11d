"""What is wrong with the broker, or soon will be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from console.text import NO_MESSAGE, Message, MessageError, Template, one_line

CAUSE: Final = Template("broker.cause", "{what} ({why})")
WRITE_AND_RESTART: Final = Template(
    "broker.write_and_restart", "run `kanmon-portal broker write {folder}`, then restart the broker"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFinding:
    """Something that is wrong with the broker, or soon will be.

    Attributes:
        fault: Whether it is wrong now; else it will be.
        what: The fact.
        where: A file or an address; ``""`` where the fact names it.
        why: The cause, or what follows from it.
        next: What to do.
    """

    fault: bool
    what: Message
    where: str = ""
    why: Message = NO_MESSAGE
    next: Message = NO_MESSAGE

    @classmethod
    def of(cls, error: MessageError, *, next_step: Message = NO_MESSAGE) -> Self:
        """The fault that an error is; ``next_step`` for an error without one."""
        return cls(
            fault=True,
            what=error.what,
            where=error.where,
            why=error.why,
            next=error.next_step or next_step,
        )

    def __str__(self) -> str:
        return one_line(self.where, self.what, self.why, self.next)

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON values, its texts in English."""
        return {
            "fault": self.fault,
            "code": self.what.id,
            "message": str(self),
            "args": self.what.args_json(),
            "what": str(self.what),
            "where": self.where,
            "why": str(self.why),
            "next": str(self.next),
        }


def cause(error: MessageError) -> Message:
    """An error as the cause of another."""
    return CAUSE(what=error.what, why=error.why) if error.why else error.what
