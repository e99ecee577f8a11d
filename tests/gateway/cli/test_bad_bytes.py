"""Words, files and secrets that are no UTF-8, before a daemon and without one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import fork_server
from tests.console.calls import environment
from tests.gateway.box import Box

BAD = b"\xff\xfe"
TEXT = """\
version: 1
site: {time_zone: UTC}
devices: [{name: a, url: "modbus-tcp://127.0.0.1:9/?unit=1&profile=eastron-sdm630"}]
"""
URL = b"modbus-tcp://" + BAD + b"/?unit=1&profile=eastron-sdm630"


@pytest.fixture(params=["alone", "beside a daemon"])
def box(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Box]:
    box = Box(tmp_path / "state")
    (tmp_path / "gateway.yaml").write_text(TEXT)
    assert box.kanmon("config", "apply", str(tmp_path / "gateway.yaml")).returncode == 0
    if request.param != "alone":
        box.start()
    yield box
    if box.process:
        assert box.end() == 0


def kanmon(box: Box, *words: bytes | str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return fork_server.run(
        "gateway.cli", *words, env=environment(box.state), cwd=box.state.parent, given=given
    )


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("device", "read", BAD), "is not configured"),
        (("device", "why", BAD), "is not configured"),
        (("device", "read", URL), "cannot be read"),
        (("device", "write", "a", BAD, "1", "--yes"), "does not allow"),
        (("device", "write", "a", "demand-period", BAD, "--yes"), "is not a number"),
        (("secret", "remove", BAD), "does not exist"),
    ],
)
def test_a_word_that_is_not_utf_8_is_a_word(
    box: Box, words: tuple[bytes | str, ...], named: str
) -> None:
    done = kanmon(box, *words, "--json")
    assert done.returncode == 2, done
    answer = json.loads(done.stdout)
    if words[-1] == URL and box.process:  # no name is so written: there is no such host
        assert answer["conditions"][0]["code"] == "comm.unreachable"
        return
    error = answer["error"]
    assert named in error["what"] + error["why"]
    assert error["next"]
    assert kanmon(box, *words).stderr.count(b"\n") >= 2


def test_a_file_whose_name_is_not_utf_8_is_applied(box: Box) -> None:
    name = os.fsdecode(BAD + b".yaml")
    (box.state.parent / name).write_text(TEXT)
    done = kanmon(box, "config", "apply", BAD + b".yaml", "--json")
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["live"] is bool(box.process)
    (box.state.parent / name).write_bytes(BAD)
    done = kanmon(box, "config", "apply", BAD + b".yaml", "--json")
    assert done.returncode == 2, done
    assert "UTF-8" in json.loads(done.stdout)["error"]["findings"][0]["what"]


@pytest.mark.parametrize("locale", ["C.UTF-8", "C", "POSIX"])
def test_a_secret_is_utf_8_whatever_the_locale(tmp_path: Path, locale: str) -> None:
    variables = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    def keep(value: bytes) -> subprocess.CompletedProcess[bytes]:
        words = ("secret", "set", "x", "--json")
        return fork_server.run(
            "gateway.cli", *words, env=environment(tmp_path) | variables, given=value
        )

    for wrong in (BAD, b"", b"\n", b"\x1b[31m\n", b"a" * 5000, b"\x00\n"):
        done = keep(wrong)
        assert done.returncode == 2, done
        assert "fault" not in json.loads(done.stdout)["error"]["what"]
        assert not (tmp_path / "secrets" / "x").exists()
    assert keep("秘密 pässwörd\r\n".encode()).returncode == 0
    assert (tmp_path / "secrets" / "x").read_bytes() == "秘密 pässwörd\n".encode()
