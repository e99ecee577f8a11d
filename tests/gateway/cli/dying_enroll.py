"""``kanmon enroll`` in processes that die on the way. A program; `Enrolments` runs and asks it.

Each enrolment is a fork of one process that has loaded everything, so that hundreds of deaths take
seconds. Two ways to die, both the kernel's and neither to be caught::

    at     SIGKILL just before or just after the n-th call that changes a file or uses the line
    limit  SIGXFSZ in the middle of the write that would make a file longer than so many bytes

One JSON object a line on standard input and output.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final, Self

ROOT: Final = Path(__file__).parents[3]
_PLACES: Final = frozenset({"posix", "fcntl", "BufferedWriter", "_SSLSocket"})
_CALLS: Final = frozenset(
    {"chmod", "fchmod", "open", "mkdir", "write", "flush", "fsync", "rename", "replace", "link"}
    | {"unlink", "flock", "do_handshake", "read"}
)


@dataclass(frozen=True, kw_only=True)
class Order:
    """One enrolment.

    Attributes:
        state: The box's state folder.
        key: The agent key.
        at: The call at which it dies; 0 for none.
        limit: The longest file in bytes; -1 for any.
    """

    state: str
    key: str
    at: int = 0
    limit: int = -1


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """How one enrolment ended.

    Attributes:
        signal: That killed it; 0 for none.
        code: The exit code, where it was not killed.
        said: Its output; for one that died ``at`` a call, that call.
    """

    signal: int
    code: int
    said: str


class Enrolments:
    """The program, running."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.gateway.cli.dying_enroll"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=30)

    def run(self, order: Order) -> RunResult:
        """One enrolment to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        return RunResult(**json.loads(self._process.stdout.readline()))


class _Death:
    """Counts the calls that matter, and ends the process at one of them."""

    def __init__(self, at: int, tell: int) -> None:
        self._left = at
        self._tell = tell

    def __call__(self, frame: FrameType, event: str, called: Any) -> None:
        if not event.startswith("c_") or called.__name__ not in _CALLS:
            return
        place = called.__module__ or type(called.__self__).__name__
        if place not in _PLACES:
            return
        self._left -= 1
        if self._left == 0:
            os.write(self._tell, f"{event} {place}.{called.__name__}".encode())
            os.kill(os.getpid(), signal.SIGKILL)


def _enroll(order: Order, tell: int) -> int:
    from gateway.cli.main import kanmon

    os.dup2(tell, 1)
    os.dup2(tell, 2)
    os.umask(0)  # what is private must not be so by luck
    words = ["--state", order.state, "enroll", order.key, "--consent", "--json"]
    if order.limit >= 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.limit, order.limit))
    if order.at:
        sys.setprofile(_Death(order.at, tell))
    try:
        kanmon.main(words, prog_name="kanmon", standalone_mode=False)
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.setprofile(None)
        sys.stdout.flush()
    return 0


def _one(order: Order) -> RunResult:
    heard, tell = os.pipe()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.close(heard)
            code = _enroll(order, tell)
        finally:
            os._exit(code)
    os.close(tell)
    with os.fdopen(heard, encoding="utf-8") as said:
        text = said.read()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status)
    return RunResult(
        signal=os.WTERMSIG(status) if killed else 0,
        code=-1 if killed else os.WEXITSTATUS(status),
        said=text,
    )


def main() -> None:
    """Enrol as ordered until standard input ends."""
    # Loaded once, not in every child.
    import gateway.cli.enroll  # noqa: F401
    import provisioning.enrol  # noqa: F401

    for line in sys.stdin:
        print(json.dumps(asdict(_one(Order(**json.loads(line))))), flush=True)


if __name__ == "__main__":
    main()
