"""Who acts where no person has signed in: the account that runs a command, or the portal itself."""

from __future__ import annotations

import os
import pwd
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Union

from django.contrib.auth.base_user import AbstractBaseUser

from portal.audit.kinds import ACCOUNT, PERSON, PORTAL, person_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import AnonymousUser


Actor = Union[AbstractBaseUser, "AnonymousUser", None]
"""The user who acts; without one it is the account at the command line, else the portal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who or what an entry names.

    Attributes:
        kind: One of `portal.audit.kinds.KINDS`; ``""``: nothing.
        id: The id within its kind.
        name: What it is called now; ``""`` where it has no name.
    """

    kind: str
    id: str
    name: str = ""


NOBODY: Final = Party(kind="", id="")
_PORTAL: Final = Party(kind=PORTAL, id="")
_command_line: ContextVar[Party | None] = ContextVar("kanmon_audit_command_line", default=None)


@contextmanager
def command_line() -> Iterator[None]:
    """While this lasts, what no person does is done by the account that runs this process.

    That is the process's own account; what the environment says of it is not believed.
    """
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = ""
    token = _command_line.set(Party(kind=ACCOUNT, id=str(number), name=name))
    try:
        yield
    finally:
        _command_line.reset(token)


def actor_of(user: Actor) -> Party:
    """Who acts: a user, else the account at the command line, else the portal."""
    if user is not None and user.is_authenticated:
        return Party(kind=PERSON, id=str(user.pk), name=person_name(user))
    return _command_line.get() or _PORTAL
