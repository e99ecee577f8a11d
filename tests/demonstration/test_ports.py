"""The demonstration's ports and its folder from one start to the next."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scripts.demonstration.folder import FolderInUseError, forget, held
from scripts.demonstration.ports import (
    FILE,
    Listener,
    choose_ports,
    holder,
    is_free,
    keep_port,
)

ROOT = Path(__file__).parents[2]
PAGE = Listener(name="portal", title="the page")
METERS = Listener(name="meters", title="the simulated meters")
COPIER = Listener(name="copier", title="the simulated copier", kind=socket.SOCK_DGRAM)
LISTENERS = (PAGE, METERS, COPIER)


def test_a_second_start_has_the_ports_of_the_first(tmp_path: Path) -> None:
    said: list[str] = []
    first = choose_ports(tmp_path, LISTENERS, said.append)
    assert len(set(first.values())) == len(LISTENERS)
    assert choose_ports(tmp_path, LISTENERS, said.append) == first
    forget(tmp_path)
    more = Listener(name="broker", title="the broker")
    assert choose_ports(tmp_path, [*LISTENERS, more], said.append).items() > first.items()
    assert said == []


@pytest.mark.parametrize("listener", LISTENERS, ids=lambda one: one.name)
def test_a_port_that_another_program_took_is_told_and_had_again_later(
    tmp_path: Path, listener: Listener
) -> None:
    said: list[str] = []
    first = choose_ports(tmp_path, LISTENERS, said.append)
    taken = first[listener.name]
    with socket.socket(type=listener.kind) as other:
        other.bind(("127.0.0.1", taken))
        if listener.kind == socket.SOCK_STREAM:
            other.listen()
        second = choose_ports(tmp_path, LISTENERS, said.append)
    told = " ".join(said)
    assert f"port {taken} of {listener.title} is taken by" in told
    assert f"process {os.getpid()}" in told, "it says by which"
    assert f"has port {second[listener.name]} in this run" in told
    assert second[listener.name] != taken
    assert second | {listener.name: taken} == first, "the others stay"
    assert choose_ports(tmp_path, LISTENERS, print) == first


def test_the_first_port_of_the_page_is_the_one_that_is_wanted(tmp_path: Path) -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        wanted = Listener(name="portal", title="the page", wanted=server.getsockname()[1])
        found = choose_ports(tmp_path, [wanted], said.append)["portal"]
        assert found != wanted.wanted
        assert f"port {wanted.wanted} of the page is taken by" in said[0]
    assert choose_ports(tmp_path, [wanted], said.append) == {"portal": found}
    keep_port(tmp_path, "portal", wanted.wanted)
    assert choose_ports(tmp_path, [wanted], said.append) == {"portal": wanted.wanted}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"portal": "x", "meters": 0, "copier": 99999}'])
def test_a_damaged_file_is_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    first = choose_ports(tmp_path, LISTENERS, print)
    assert choose_ports(tmp_path, LISTENERS, print) == first


LISTENS = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
    print(flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_run_left_is_waited_for(tmp_path: Path) -> None:
    said: list[str] = []
    first = choose_ports(tmp_path, LISTENERS, said.append)
    left = subprocess.Popen(
        [sys.executable, "-I", "-c", LISTENS, str(first["portal"])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"KANMON_STATE": str(tmp_path / "gateway")},
    )
    with left:
        assert left.stdout is not None
        left.stdout.readline()
        program = holder(first["portal"])
        assert program is not None
        assert program.pid == left.pid
        ending = threading.Timer(0.3, left.kill)
        ending.start()
        assert choose_ports(tmp_path, LISTENERS, said.append) == first
        ending.join()
    assert said == []


def test_one_demonstration_at_a_time_runs_in_a_folder(tmp_path: Path) -> None:
    other = pytest.raises(FolderInUseError, match=f"process {os.getpid()}")
    with held(tmp_path), other, held(tmp_path):
        pass
    with held(tmp_path):
        words = ["-m", "scripts.demonstration", "--once", "--folder", str(tmp_path)]
        (tmp_path / "portal").mkdir()
        done = subprocess.run(
            [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (2, "")
        assert "another one runs in" in done.stdout
        assert (tmp_path / "portal").exists(), "it removes nothing of the other's"


def test_a_folder_is_free_again_once_its_process_was_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from scripts.demonstration.folder import held\n"
        "with held(Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(FolderInUseError, match=f"process {process.pid}"), held(tmp_path):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with held(tmp_path):
            assert is_free(choose_ports(tmp_path, [PAGE], print)["portal"])
