"""``python -IS fork_client.py ADDRESS MODULE WORD...``: a call of a fork server, for a shell.

It hands on its environment, its folder and its standard streams, and ends as what was forked ended
(`tests.fork_server`). It imports little, because its own start is all that it costs.
"""

from __future__ import annotations

import json
import os
import socket
import sys


def main(address: str, module: str, *words: str) -> None:
    """Call, and end as the program ended."""
    environment = dict(os.environ)
    request = {"module": module, "words": words, "cwd": os.getcwd(), "env": environment}  # noqa: PTH109
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel.connect(f"\0{address}")
    socket.send_fds(channel, [json.dumps(request).encode()], [0, 1, 2])
    channel.recv(64)  # its pid
    code = os.waitstatus_to_exitcode(int(channel.recv(64)))
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
