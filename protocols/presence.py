"""Whether somebody is at an address, found out without a word: a TCP connection made and closed.

A device may be silent in one protocol and be there all the same. A refused connection proves that
as well as an accepted one does. Silence proves nothing: firewalls are silent, too.

Source: RFC 9293 section 3.5.2 (a closed port answers with a reset).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from console.templates import protocol
from console.text import NO_MESSAGE, Message

PRINTER_PORTS: Final = (631, 443, 80)
"""IPP and the device's own page; never 9100, which may be a printer's only socket for jobs."""
WAIT_S: Final = 1.0


async def presence(
    host: str, ports: Iterable[int] = PRINTER_PORTS, wait_s: float = WAIT_S
) -> Message:
    """What shows that ``host`` is there; `NO_MESSAGE` where nothing does.

    Args:
        host: Name or address.
        ports: Tried at the same time.
        wait_s: How long, at most.
    """
    tries = [asyncio.create_task(_knock(host, port)) for port in ports]
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                for done in asyncio.as_completed(tries):
                    if shown := await done:
                        return shown
        return NO_MESSAGE
    finally:
        for task in tries:
            task.cancel()
        await asyncio.gather(*tries, return_exceptions=True)


async def _knock(host: str, port: int) -> Message:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return protocol.PORT_REFUSES(port=port)
    except (OSError, UnicodeError):
        return NO_MESSAGE
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return protocol.PORT_OPEN(port=port)
