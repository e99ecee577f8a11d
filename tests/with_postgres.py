"""``python -m tests.with_postgres COMMAND...``: run it with ``KANMON_DATABASE_URL`` set.

The URL is that of a PostgreSQL cluster which lives as long as the command. Exits as it did. The
cluster lives in memory, so that its settings are those of the field and a commit waits for no disk:
what a power cut leaves is tried on clusters on the disk (`tests.peers`).
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests import peers


def main(command: list[str]) -> int:
    """Run ``command`` beside a new cluster and return its exit code."""
    with peers.postgres(in_memory=True) as server:
        return subprocess.run(
            command, env=os.environ | {"KANMON_DATABASE_URL": server.url}, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
