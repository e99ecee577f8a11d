from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from console import language, localized
from console.catalogue import Entry, compiled, read
from console.language import choose, tr, translate
from console.output import columns, width
from console.patterns import MessagePatterns
from console.wrapping import wrap
from tests.console import texts


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
def test_a_text_is_found_by_its_pattern() -> None:
    assert translate("no device is named 'a'") == "'a'という名前の機器はありません"
    nested = "there is no profile 'x'; did you mean y?"
    assert translate(nested) == "'x'というプロファイルはありません。yのことですか？"
    assert translate("tcp:h:1: connection refused. Plug the adapter in") != ""
    assert translate("entirely unknown") == "entirely unknown"
    assert translate("") == tr("") == ""


def test_english_is_what_was_written() -> None:
    assert translate("no device is named 'a'") == "no device is named 'a'"


def test_the_pattern_with_most_words_wins_and_first_letters_do_not_matter() -> None:
    known = MessagePatterns(
        {"{0} is gone": "1:{0}", "the file {0} is gone": "2:{0}", "the end": "3"}
    )
    assert known.translate("the file x is gone") == "2:x"
    assert known.translate("x is gone") == "1:x"
    assert known.translate("The end.") == "3"
    assert known.translate("the end; x is gone") == "3。1:x"
    assert known.translate("a (b) [c] is gone") == "1:a (b) [c]"


def test_what_is_compiled_is_read_again() -> None:
    entries = [Entry({"msgid": k, "msgstr": v}) for k, v in {"a": "い", "b{0}": "ろ{0}"}.items()]
    assert read(compiled(entries)) == {"a": "い", "b{0}": "ろ{0}"}


@pytest.mark.usefixtures("_japanese")
def test_every_help_is_shown_in_japanese_and_fits_its_lines() -> None:
    for name, root in texts.programs().items():
        for path, command in texts.walk(localized.localized(root)):
            context = localized.WideContext(command, info_name=path, max_content_width=80)
            context.terminal_width = 80
            shown = command.get_help(context)
            assert "使い方" in shown, path
            assert any("\u3040" <= c <= "\u30ff" for c in command.help or ""), (name, path)
            bare = [line for line in shown.splitlines() if not line.startswith("使い方")]
            assert max(map(width, bare)) <= 80, (path, shown)


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
    assert b'"what": "No such option' in wrong.stdout


def test_a_daemon_carries_no_catalogue() -> None:
    look = (
        "import gettext, sys; from gateway.cli.main import kanmon; import click;"
        "from console import language; assert language.begin(['run']) == 'ja';"
        "gettext._translations.clear();"  # click asked for its own texts while it was imported
        "kanmon.resolve_command(click.Context(kanmon), ['run']);"
        "assert not gettext._translations and 'console.patterns' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", look],
        env={**os.environ, "KANMON_LANG": "ja", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_text_of_two_clauses_is_known_by_each() -> None:
    known = MessagePatterns(
        {"{0} is gone; run {1} on {0}": "{0}がありません。{0}に{1}を実行してください"}
    )
    assert known.translate("x is gone") == "xがありません"
    assert known.translate("run y on x") == "xにyを実行してください"


def test_a_text_that_is_known_as_it_is_fits_no_pattern_by_accident() -> None:
    known = MessagePatterns(
        {"{0} on {1}": "{1}の{0}", "turn it on in the settings": "有効にしてください"}
    )
    assert known.translate("Turn it on in the settings.") == "有効にしてください"
    assert known.translate("port 3 on the switch") == "the switchのport 3"


def test_what_is_known_of_a_place_fits_no_short_pattern_by_accident() -> None:
    known = MessagePatterns({"{0} is {1}": "{0}が{1}", "its name is unknown": "名前が不明です"})

    assert known.translate("snmp h:161: its name is unknown") == "snmp h:161: 名前が不明です"
    assert known.translate("snmp h:161: its name is unknown. The end") == (
        "snmp h:161: 名前が不明です。The end"
    )
    assert known.translate("a: b is c") == "a: bがc"


def test_what_may_be_anybodys_words_is_said_only_where_it_surely_is_ours() -> None:
    ours = "the printer asks for attention, and no one knows why, says {0}"
    known = MessagePatterns(
        {"{0} is missing": "{0}がありません", "paper": "用紙", ours: "{0}が呼んでいます"}
    )
    assert known.translate_if_sure("paper is missing") == "用紙がありません"
    assert known.translate_if_sure("2.5 is missing") == "2.5がありません"
    assert known.translate_if_sure("Voltage is missing") is None
    assert known.translate_if_sure(ours.format("Eastron")) == "Eastronが呼んでいます"
    assert known.translate_if_sure("") is None
