"""What tests of a session wait for, each within a deadline."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloud_link.mqtt.session import Message, Session

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

SOON_S = 15


async def take(session: Session, count: int, *, ack: bool = False) -> list[Message]:
    """The next ``count`` messages, within a deadline."""
    taken: list[Message] = []
    async with asyncio.timeout(SOON_S):
        async for message in session.messages():
            taken.append(message)
            if ack:
                message.ack()
            if len(taken) == count:
                break
    return taken


async def failing(work: Coroutine[Any, Any, None]) -> Exception:
    """The exception that ``work`` raises."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - it is what the test looks at
        return error
    raise AssertionError("nothing was raised")


async def until(true: Any, what: str) -> None:
    """Give the loop turns until ``true()``; fails at the deadline."""
    deadline = asyncio.get_running_loop().time() + SOON_S
    while not true():
        assert asyncio.get_running_loop().time() < deadline, what
        await asyncio.sleep(0.005)  # nothing offers an event for what a foreign program does


async def take_nothing(session: Session) -> None:
    async for _ in session.messages():
        raise AssertionError("nothing was published")
