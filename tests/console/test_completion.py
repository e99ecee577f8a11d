"""Completion as the shells do it, with their own programs."""

from __future__ import annotations

import os
import pty
import select
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.cli import completion
from gateway.control.protocol import encode_result
from tests import fork_server
from tests.gateway.control.stub_daemon import stub_daemon

CONFIGURATION = """\
version: 1
site: {time_zone: UTC}
devices:
  - {name: main-incomer, label: "Main", url: "modbus-tcp://127.0.0.1/?unit=1&profile=eastron-sdm630"}
  - {name: roof, url: "modbus-tcp://127.0.0.1/?unit=2&profile=eastron-sdm630"}
  - {nonsense: true}
"""
BASH = """\
source <(kanmon completion bash)
COMP_LINE={line}; COMP_POINT=${{#COMP_LINE}}; COMP_WORDBREAKS=' :='
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_kanmon_completion kanmon
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
BASH_KEYS = """\
source <(kanmon completion bash)
finished() { printf '%s' "$READLINE_LINE" >"$SAID"; kill -9 $$; }
bind -x '"\\C-t": finished'
PS1=READY
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIGURATION)
    return tmp_path


def environment(state: Path, bins: Path | None = None) -> dict[str, str]:
    """A shell's, which finds both programs in ``bins``; the installed ones if it is not given."""
    bins = bins or Path(sys.executable).parent
    return {**os.environ, "PATH": f"{bins}:{os.environ['PATH']}", "KANMON_STATE": str(state)}


def test_the_script_of_bash_does_not_look_for_this_machines_bash(tmp_path: Path) -> None:
    kanmon = Path(sys.executable).with_name("kanmon")
    command, env = (str(kanmon), "completion", "bash"), {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    assert not done.stderr
    assert "complete -o nosort -F _kanmon_completion kanmon" in done.stdout


@pytest.fixture
def quick(state: Path) -> Path:
    """A folder with both programs, forked instead of started anew."""
    folder = state / "bin"
    folder.mkdir()
    fork_server.write_programs(folder, environment(state, folder))
    return folder


def bash(state: Path, words: str) -> list[str]:
    done = subprocess.run(
        ["bash", "-c", BASH.format(words=words, line=shlex.quote(words.removesuffix("''")))],
        env=environment(state),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


FISH = """\
for program in kanmon kanmon-portal
    $program completion fish | source
end
complete -C $argv[1]
"""
ZSH = """\
autoload -Uz compinit && compinit -u -D
source <(kanmon completion zsh)
source <(kanmon-portal completion zsh)
finished() { zle complete-word; print -r -- "$BUFFER" >"$SAID"; exit }
zle -N finished
bindkey '^T' finished
PS1=READY
"""


def fish(state: Path, quick: Path, words: str) -> list[str]:
    done = subprocess.run(
        ["fish", "--no-config", "-c", FISH, words],
        env=environment(state, quick),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


def zsh(state: Path, quick: Path, words: str) -> str:
    """What the line is after a completion, typed on a terminal."""
    (state / ".zshrc").write_text(ZSH)
    return typed(state, quick, ["zsh", "--no-globalrcs", "-i"], f"{words}\x14")


def bash_keys(state: Path, quick: Path, words: str) -> str:
    """What the line is after a completion, typed on a terminal."""
    (state / ".bashrc").write_text(BASH_KEYS)
    call = ["bash", "--noprofile", "--rcfile", str(state / ".bashrc"), "-i"]
    return typed(state, quick, call, f"{words}\t\x14")


def typed(state: Path, quick: Path, call: list[str], keys: str) -> str:
    said, (ours, theirs) = state / "said", pty.openpty()
    variables = {"ZDOTDIR": str(state), "SAID": str(said), "TERM": "dumb"}
    shell = subprocess.Popen(
        call,
        env=environment(state, quick) | variables,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        shown = b""
        while b"READY" not in shown:
            assert select.select([ours], [], [], 60)[0], shown
            shown += os.read(ours, 4096)
        os.write(ours, keys.encode())
        shell.wait(60)
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)
    return said.read_text().removesuffix("\n")


@pytest.mark.peer("fish")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("kanmon dev", ["device"]),
        ("kanmon device read ma", ["main-incomer"]),
        ("kanmon device read ", ["main-incomer", "roof"]),
        ("kanmon device write roof ", ["demand-period"]),
        ("kanmon device read --j", ["--json"]),
        ("kanmon --lang ", ["en", "ja"]),
        ("kanmon device write nobody ", []),
        ("kanmon-portal authority issue-w", ["issue-worker"]),
    ],
)
def test_fish_completes(state: Path, quick: Path, words: str, expected: list[str]) -> None:
    assert fish(state, quick, words) == expected


@pytest.mark.peer("zsh")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("kanmon dev", "kanmon device "),
        ("kanmon device read ma", "kanmon device read main-incomer "),
        ("kanmon device write roof ", "kanmon device write roof demand-period "),
        ("kanmon device read --j", "kanmon device read --json "),
        ("kanmon --lang j", "kanmon --lang ja "),
        ("kanmon device write nobody x", "kanmon device write nobody x"),
        ("kanmon-portal key iss", "kanmon-portal key issue "),
    ],
)
def test_zsh_completes(state: Path, quick: Path, words: str, expected: str) -> None:
    assert zsh(state, quick, words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("kanmon dev", ["device"]),
        ("kanmon device re", ["read"]),
        ("kanmon device read ma", ["main-incomer"]),
        ("kanmon device read ''", ["main-incomer", "roof"]),
        ("kanmon device write roof ''", ["demand-period"]),
        ("kanmon device write nobody ''", []),
        ("kanmon --state /nonexistent device read ''", []),
        ("kanmon device read --j", ["--json"]),
        ("kanmon --lang ''", ["en", "ja"]),
    ],
)
def test_bash_completes(state: Path, words: str, expected: list[str]) -> None:
    assert bash(state, words) == expected


PROFILE = "eastron-sdm630"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("kanmon dev", "kanmon device "),
        ("kanmon device read ma", "kanmon device read main-incomer "),
        ("kanmon device write roof ", "kanmon device write roof demand-period "),
        (
            r"kanmon device read modbus-tcp://h/\?unit=1\&profile=eas",
            rf"kanmon device read modbus-tcp://h/\?unit=1\&profile={PROFILE} ",
        ),
        (
            "kanmon device read 'modbus-tcp://h/?unit=1&profile=eas",
            f"kanmon device read 'modbus-tcp://h/?unit=1&profile={PROFILE}' ",
        ),
        (
            'kanmon device read "modbus-tcp://h/?profile=eas',
            f'kanmon device read "modbus-tcp://h/?profile={PROFILE}" ',
        ),
        ("kanmon device read snmp://h/?profile=eas", "kanmon device read snmp://h/?profile=eas"),
        ("kanmon --state=/nonexistent device read ma", None),
    ],
)
def test_bash_completes_what_is_typed(
    state: Path, quick: Path, words: str, expected: str | None
) -> None:
    assert bash_keys(state, quick, words) == (words if expected is None else expected)


@pytest.mark.peer("zsh")
def test_zsh_completes_a_profile(state: Path, quick: Path) -> None:
    words = "kanmon device read 'modbus-tcp://h/?unit=1&profile=eas"
    assert zsh(state, quick, words) == words.replace("=eas", f"={PROFILE}'") + " "


@pytest.mark.peer("fish")
@pytest.mark.parametrize(
    "url", ["'modbus-tcp://h/?unit=1&profile=eas", r"modbus-tcp://h/\?profile=eas"]
)
def test_fish_completes_a_profile(state: Path, quick: Path, url: str) -> None:
    found = fish(state, quick, f"kanmon device read {url}")
    plain = url.removeprefix("'").replace("\\", "")
    assert found == [plain.replace("=eas", f"={PROFILE}")]


ODD = """\
version: 1
devices:
  - {name: good, label: "two\\nlines: a, b\\t*"}
  - {name: "two words"}
  - {name: "$(touch owned)"}
  - {name: "line\\nplain,break"}
  - {name: "*"}
  - {name: "ゲート"}
"""


@pytest.mark.peer("fish", "zsh")
def test_odd_names_break_no_shell(state: Path, quick: Path) -> None:
    (state / "config.yaml").write_text(ODD)
    assert bash(state, "kanmon device read ''") == ["good"]
    assert fish(state, quick, "kanmon device read ") == ["good"]
    assert zsh(state, quick, "kanmon device read ") == "kanmon device read good "
    assert not (state / "owned").exists()


def test_the_running_daemon_is_asked_first(state: Path) -> None:
    device = {"name": "of-daemon", "label": "Daemon's", "reachability": "online", "state": "idle"}
    devices = [{**device, "gravest": None, "reported_s": 1, "problem": None}]
    with stub_daemon(state, encode_result(1, devices)):
        assert bash(state, "kanmon device read ''") == ["of-daemon"]


def test_a_daemon_that_hangs_is_not_waited_for(state: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(state / "control.sock"))
        server.listen()
        began = time.monotonic()
        found = list(completion._devices(state))
        assert time.monotonic() - began < 5  # it gives up after a fifth of a second
    assert [name for name, _ in found] == ["main-incomer", "roof"]


@pytest.mark.parametrize("kind", ["pipe", "folder", "garbage", "loop", "missing"])
def test_what_cannot_be_read_completes_to_nothing(state: Path, kind: str) -> None:
    file = state / "config.yaml"
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "loop":
        file.symlink_to(file)
    elif kind == "garbage":
        file.write_bytes(b"devices: [&a {name: *a}, \xff\x00")
    assert bash(state, "kanmon device read ''") == []
    assert bash(state, "kanmon device write roof ''") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_call_without_a_line_says_nothing(state: Path, shell: str) -> None:
    asked = environment(state) | {"_KANMON_COMPLETE": f"{shell}_complete"}
    done = subprocess.run(["kanmon"], env=asked, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_completing_makes_no_daemon_and_no_file(state: Path) -> None:
    bash(state, "kanmon device read ''")
    assert [path.name for path in state.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("program", ["kanmon", "kanmon-portal"])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts_are_well_formed(state: Path, program: str, shell: str) -> None:
    done = subprocess.run(
        [program, "completion", shell],
        env=environment(state),
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"_{program.replace('-', '_').upper()}_COMPLETE" in done.stdout
    if shutil.which(shell):
        looked = [shell, "--no-execute" if shell == "fish" else "-n", "/dev/stdin"]
        subprocess.run(looked, input=done.stdout, text=True, check=True)
