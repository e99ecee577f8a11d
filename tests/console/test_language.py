from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

import click
import pytest

from console import language, localized
from console.language import choose
from console.output import columns, width
from console.wrapping import wrap
from scripts.translation import extraction


@pytest.fixture
def _japanese(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LANGUAGE", "")
    language.use("ja")
    yield
    language.use("en")


@pytest.mark.parametrize(
    ("words", "environment", "encoding", "expected"),
    [
        ([], {}, "utf-8", "en"),
        ([], {"LANG": "ja_JP.UTF-8"}, "utf-8", "ja"),
        ([], {"LANG": "ja_JP.eucJP"}, "euc-jp", "ja"),
        ([], {"LANG": "ja_JP.UTF-8"}, "iso8859-1", "en"),
        ([], {"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "utf-8", "en"),
        ([], {"LANG": "ja_JP.UTF-8", "LC_ALL": ""}, "utf-8", "ja"),
        ([], {"LANG": "de_DE.UTF-8", "LC_MESSAGES": "ja"}, "utf-8", "ja"),
        ([], {"LANG": "ja_JP.UTF-8", "KANMON_LANG": "en"}, "utf-8", "en"),
        (["--lang", "ja", "status"], {"KANMON_LANG": "en"}, "utf-8", "ja"),
        (["--lang=en"], {"LC_ALL": "ja_JP"}, "utf-8", "en"),
        (["--lang=ja", "status", "--json"], {}, "utf-8", "en"),
        (["--lang=ja"], {}, None, "en"),
        (["device", "read", "--", "--lang=ja"], {}, "utf-8", "en"),
        (["--lang"], {"LANG": "ja"}, "utf-8", "ja"),
    ],
)
def test_the_nearest_wish_wins(
    words: list[str], environment: dict[str, str], encoding: str | None, expected: str
) -> None:
    assert choose(words, environment, encoding) == expected


@pytest.mark.usefixtures("_japanese")
def test_every_help_is_shown_in_japanese_and_fits_its_lines() -> None:
    for name, root in extraction.programs().items():
        for path, command in extraction.commands(localized.localized(root)):
            context = localized.WideContext(command, info_name=path, max_content_width=80)
            context.terminal_width = 80
            shown = command.get_help(context)
            assert "使い方" in shown, path
            assert any("\u3040" <= c <= "\u30ff" for c in command.help or ""), (name, path)
            bare = [line for line in shown.splitlines() if not line.startswith("使い方")]
            assert max(map(width, bare)) <= 80, (path, shown)


@pytest.mark.usefixtures("_japanese")
@pytest.mark.parametrize(
    ("tongue", "shown"),
    [
        ("en", ("[default: 2.0; 0.1 to 3600]", "[at least 1]", "[0.1 to 3600]")),
        ("ja", ("[既定値：2.0、範囲：0.1～3600]", "[1以上]", "[0.1～3600]")),
    ],
)
def test_a_help_says_the_limits_of_a_number_in_words(tongue: str, shown: Sequence[str]) -> None:
    language.use(tongue)
    records = [
        parameter.get_help_record(click.Context(command))
        for root in extraction.programs().values()
        for _path, command in extraction.commands(localized.localized(root))
        for parameter in command.params
    ]
    texts = [record[1] for record in records if record is not None]
    assert not [text for text in texts if "<=" in text or ">=" in text]
    for part in shown:
        assert any(text.endswith(part) for text in texts), part


def test_lines_break_between_wide_characters_but_not_before_a_full_stop() -> None:
    assert wrap("日本語です。次の文", 10) == ["日本語で", "す。次の文"]
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("状態folderを見る", 9) == ["状態", "folderを", "見る"]


def test_columns_line_up_by_cells() -> None:
    lines = columns([("機器", "数"), ("ab", "10000")])
    assert [width(line) for line in lines] == [11, 11]


def kanmon(*words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "KANMON_"))}
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", *words],
        env={**clean, **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_a_terminal_without_unicode_is_no_reason_to_fail() -> None:
    plain = {"LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for extra in ({}, {"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "ascii"}):
        for call in (["--lang", "ja", "device", "read", "機器"], ["--lang", "ja", "--help"]):
            done = kanmon("--state", "/nonexistent/状態", *call, **plain, **extra)
            assert done.returncode in (0, 2), done.stderr
            assert b"Traceback" not in done.stderr + done.stdout
    output = kanmon(
        *("--state", "/nonexistent/状態", "status", "--json"),
        PYTHONUTF8="1",
        PYTHONIOENCODING="latin-1",
    )
    assert b"\\u72b6" in output.stdout  # escaped, not lost


def test_what_a_program_reads_is_english_whatever_the_locale() -> None:
    done = kanmon("--state", "/nonexistent", "status", "--json", LANG="ja_JP.UTF-8")
    assert b'"what": "the gateway is not running"' in done.stdout
    wrong = kanmon("status", "--json", "--nonsense", LANG="ja_JP.UTF-8")
    assert wrong.returncode == 3
    assert b'"code": "console.no_such_option"' in wrong.stdout


def test_a_daemon_carries_no_catalogue() -> None:
    look = (
        "import gettext, sys; from gateway.cli.main import kanmon; import click;"
        "from console import language; assert language.begin(['run']) == 'ja';"
        "gettext._translations.clear();"  # click asked for its own texts while it was imported
        "kanmon.resolve_command(click.Context(kanmon), ['run']);"
        "assert not gettext._translations"
    )
    done = subprocess.run(
        [sys.executable, "-c", look],
        env={**os.environ, "KANMON_LANG": "ja", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
