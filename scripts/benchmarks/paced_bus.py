"""A serial line with Modbus RTU units on it, as slow as a real one: a pseudo-terminal, paced.

    python -m scripts.benchmarks.paced_bus BAUD UNITS DELAY_S JOURNAL

Prints the path of the serial device, then answers every request for registers as late as the bytes
of both would be on a line of this speed at 8E1 (eleven bits a character; a pseudo-terminal knows no
parity), the device's own delay between them. Units above UNITS are silent. For every transaction a
line is written to JOURNAL when the process is ended: when the request came, when the answer's last
byte left, how many registers (monotonic seconds).

Paced with plain sleep in a process of its own, which is a tenth of a millisecond late; asyncio's
timers are ten times that.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import tty
from pathlib import Path
from typing import Final

from pymodbus.framer.rtu import FramerRTU

REQUEST_BYTES: Final = 8
BITS: Final = 11


def main(baud: int, units: int, delay_s: float, journal: Path) -> None:
    """Serve until SIGTERM."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    character_s = BITS / baud
    exchanges: list[tuple[float, float, int, int]] = []

    def end(*_: object) -> None:
        journal.write_text("".join(json.dumps(one) + "\n" for one in exchanges))
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    print(os.ttyname(theirs), flush=True)
    buffer = bytearray()
    while True:
        buffer += os.read(ours, 4096)
        came = time.monotonic()
        if len(buffer) < REQUEST_BYTES:
            continue
        request = bytes(buffer)
        buffer.clear()
        unit, count = request[0], int.from_bytes(request[4:6], "big")
        crc_ok = FramerRTU.compute_CRC(request[:-2]) == int.from_bytes(request[-2:], "big")
        if len(request) != REQUEST_BYTES or not crc_ok or unit > units:
            exchanges.append((came, 0.0, unit, 0))
            continue
        body = bytes((unit, request[1], 2 * count)) + bytes(2 * count)
        answer = body + FramerRTU.compute_CRC(body).to_bytes(2, "big")
        until = came + (REQUEST_BYTES + len(answer)) * character_s + delay_s + 3.5 * character_s
        time.sleep(max(0.0, until - time.monotonic()))
        left = time.monotonic()
        os.write(ours, answer)
        exchanges.append((came, left, unit, count))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
