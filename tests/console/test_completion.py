"""Completion as the shells do it, with their own programs."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import fork_server

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
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_kanmon_completion kanmon 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIGURATION)
    return tmp_path


def environment(state: Path, bins: Path | None = None) -> dict[str, str]:
    """A shell's, which finds both programs in ``bins``; the installed ones if it is not given."""
    bins = bins or Path(sys.executable).parent
    return {**os.environ, "PATH": f"{bins}:{os.environ['PATH']}", "KANMON_STATE": str(state)}


@pytest.fixture
def quick(state: Path) -> Path:
    """A folder with both programs, forked instead of started anew."""
    folder = state / "bin"
    folder.mkdir()
    fork_server.write_programs(folder, environment(state, folder))
    return folder


def bash(state: Path, words: str) -> list[str]:
    done = subprocess.run(
        ["bash", "-c", BASH.format(words=words)],
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
    said, (ours, theirs) = state / "said", pty.openpty()
    variables = {"ZDOTDIR": str(state), "SAID": str(said), "TERM": "dumb"}
    shell = subprocess.Popen(
        ["zsh", "--no-globalrcs", "-i"],
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
        os.write(ours, f"{words}\x14".encode())
        shell.wait(60)
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)
    return said.read_text().rstrip("\n")


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
