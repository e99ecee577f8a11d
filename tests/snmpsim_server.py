"""snmpsim as the account that runs the tests: ``python -m tests.snmpsim_server DATA PORT CACHE``.

As root it insists on becoming somebody else, who then cannot read a Python that lives in root's
home. Here it serves files that the test made, on loopback, for seconds.
"""

from __future__ import annotations

import sys

from snmpsim import daemon
from snmpsim.commands import responder


class _AsWeAre:
    """In place of what changes user and group."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def main() -> None:
    """Serve until killed."""
    data, port, cache = sys.argv[1:]
    daemon.PrivilegesOf = _AsWeAre
    sys.argv = [
        "snmpsim",
        f"--data-dir={data}",
        f"--cache-dir={cache}",
        f"--agent-udpv4-endpoint=127.0.0.1:{port}",
        "--logging-method=null",
    ]
    responder.main()


if __name__ == "__main__":
    main()
