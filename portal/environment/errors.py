"""What is wrong with the environment, for the operator who set it; never a secret's value."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Final, Self

from console.text import Message, MessageError, Template

if TYPE_CHECKING:
    from collections.abc import Sequence

SEVERAL: Final = Template("environment.several", "several environment variables cannot be used")
PROBLEM: Final = Template("environment.problem", "{variable}: {what} ({step})")
PROBLEMS: Final = Template("environment.problems", "{first}; {second}")
CORRECT_EACH: Final = Template(
    "environment.correct_each", "correct each variable, then run the command again"
)


class VariableError(MessageError, ValueError):
    """A variable that cannot be used; pydantic says which one."""

    def __init__(self, what: Message, next_step: Message) -> None:
        super().__init__(what, next_step=next_step)


class SettingsError(MessageError, ValueError):
    """Settings that cannot be used.

    Attributes:
        problems: One for each variable, which is its ``where``; none where the error is about a
            file.
    """

    problems: tuple[MessageError, ...] = ()

    @classmethod
    def of(cls, problems: Sequence[MessageError]) -> Self:
        """The error of one or more variables."""
        if len(problems) == 1:
            one = problems[0]
            error = cls(one.what, where=one.where, why=one.why, next_step=one.next_step)
        else:
            listed = [
                PROBLEM(variable=one.where, what=one.what, step=one.next_step) for one in problems
            ]
            error = cls(
                SEVERAL(),
                where=", ".join(one.where for one in problems),
                why=reduce(lambda first, second: PROBLEMS(first=first, second=second), listed),
                next_step=CORRECT_EACH(),
            )
        error.problems = tuple(problems)
        return error
