"""What the fork server runs is what `python -m` runs, and nothing of it outlives the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests import fork_server
from tests.console.calls import ROOT, environment
from tests.gateway.box import wait_for

CALLS = [
    ("gateway.cli", ("--help",)),
    ("gateway.cli", ("--lang", "ja", "device", "list")),
    ("gateway.cli", ("status", "--json")),
    ("gateway.cli", ("secret", "list", "--json")),
    ("gateway.cli", ("secret", "set", b"\xff\xfe")),
    ("gateway.cli", ("nonsense",)),
    ("portal.cli", ("--help",)),
    ("portal.cli", ("key", "list")),
    ("portal.cli", ("--lang", "ja", "key", "list", "--json")),
    ("portal.cli", ("authority", "show", "--pem", "x")),
    ("portal.cli", ()),
]


def named(part: object) -> str:
    return " ".join(map(str, part)) if isinstance(part, tuple) else str(part)


@pytest.mark.parametrize(("module", "words"), CALLS, ids=named)
def test_it_says_and_returns_what_a_process_of_its_own_does(
    tmp_path: Path, module: str, words: tuple[str | bytes, ...]
) -> None:
    own = subprocess.run(
        [sys.executable, "-m", module, *words],
        env=environment(tmp_path),
        cwd=tmp_path,
        input=b"",
        capture_output=True,
        check=False,
    )
    for _ in range(2):  # the second is forked from a server of this environment
        forked = fork_server.run(module, *words, env=environment(tmp_path), cwd=tmp_path)
        assert forked.returncode == own.returncode
        assert forked.stdout == own.stdout
        assert forked.stderr == own.stderr


@pytest.mark.parametrize(
    ("module", "words", "code"), [("gateway.cli", "nonsense", 3), ("portal.cli", "--help", 0)]
)
def test_a_shell_calls_it(tmp_path: Path, module: str, words: str, code: int) -> None:
    env = environment(tmp_path)
    forked, own = (
        subprocess.run([*command, words], env=env, cwd=tmp_path, capture_output=True, check=False)
        for command in (fork_server.command(module, env), [sys.executable, "-m", module])
    )
    assert forked.returncode == own.returncode == code
    assert (forked.stdout, forked.stderr) == (own.stdout, own.stderr)


def test_it_can_be_waited_for_and_ended(tmp_path: Path) -> None:
    process = fork_server.start("http.server", "0", env=environment(tmp_path), cwd=tmp_path)
    assert process.poll() is None
    wait_for("its folder", lambda: psutil.Process(process.pid).cwd() == str(tmp_path))
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.terminate()
    assert process.wait(10) == process.returncode == -signal.SIGTERM
    process.kill()  # nobody's any more


def test_its_output_may_be_a_pipe(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as output:
        with os.fdopen(writing, "wb") as pipe:
            process = fork_server.start(
                "gateway.cli", "--help", env=environment(tmp_path), output=pipe
            )
        assert "Usage" in output.read()
    assert process.wait(10) == 0


def test_what_takes_too_long_is_killed(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        fork_server.run("http.server", "0", env=environment(tmp_path), cwd=tmp_path, timeout=0.1)


KILLED = """
import json, os, psutil
from tests import fork_server
from tests.console.calls import ROOT, environment
from pathlib import Path
for _ in range(3):
    fork_server.run("portal.cli", "key", "list", env=environment(Path("/nonexistent")))
print(json.dumps([one.pid for one in psutil.Process().children(recursive=True)]), flush=True)
os.kill(os.getpid(), 9)
"""


def test_servers_end_with_the_tests_however_these_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
        cwd=ROOT,
        env=os.environ,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    pids = json.loads(done.stdout)
    assert len(pids) == 2
    left = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(left, timeout=10)
    assert not alive
