"""A fault of a YAML file is shown where it began, whatever place the parser gives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from config.finding import Finding
from config.yaml_faults import find_fault
from config.yaml_source import CoreLoader, parse
from config.yaml_text import guess_encoding
from console import language

ROOT = Path(__file__).parents[2]
JAPANESE = language.translations("ja")

SITE = "version: 1\nsite: {time_zone: Asia/Tokyo}\n"
DEVICE = '"modbus-tcp://10.0.0.1/?unit=1&profile=x"'


def only_finding(text: str | bytes) -> Finding:
    source = parse(text.encode() if isinstance(text, str) else text, "f.yaml")
    (finding,) = source.findings
    return finding


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        # a mark that is missing, where its partner opens
        (SITE + f"devices:\n  - name: a\n    url: {DEVICE[:-1]}\n", "5:10", "quote_open"),
        (SITE + f"devices:\n  - url: {DEVICE[:-1]}\n    name: a\n", "4:10", "quote_open"),
        (SITE + "devices:\n  - {name: 'a, url: x}\n  - {name: 'b'}\n", "4:12", "quote_open"),
        (SITE + "gateway: {label: 'a, heartbeat_s: '5'}\n", "3:18", "quote_open"),
        (SITE + 'gateway:\n  label: "a\n  heartbeat_s: 5\n', "4:10", "quote_open"),
        ('version: "1\n', "1:10", "quote_open"),
        (SITE + 'gateway: {label: "the "old" one"}\n', "3:23", "quote_within"),
        (SITE + 'gateway:\n  label: "Main" hall\n', "4:17", "text_after_quote"),
        (SITE + "gateway:\n  label: 'it's'\n", "4:13", "quote_within"),
        (SITE + 'gateway: {label: "C:\\Geräte"}\n', "3:21", "escape"),
        ("version: 1\nsite: {time_zone: UTC\ndevices: []\n", "2:7", "bracket_open"),
        ("version: 1\nsite: {time_zone: UTC", "2:7", "bracket_open"),
        (SITE + "devices:\n  - {name: a\n  - {name: b}\n", "4:5", "bracket_open"),
        (SITE + "devices: [\n  {name: a,\n  {name: b}\n]\n", "4:3", "bracket_open"),
        (SITE + "devices: [\n  {name: a},\n  {name: b}\n", "3:10", "bracket_open"),
        (SITE + "devices: [{name: a]\n", "3:11", "bracket_mismatch"),
        ("version: 1\nsite: {time_zone: UTC}}\n", "2:23", "bracket_stray"),
        ("version: 1\nsite: ]\n", "2:7", "bracket_stray"),
        ("version: 1\nsite: {}\n}\n", "3:1", "bracket_stray"),
        ("version: 1\nsite: {} devices\n", "2:10", "text_after_bracket"),
        (SITE + "gateway: {label: a heartbeat_s: 5}\n", "3:20", "comma"),
        (SITE + "gateway: {label: 'a' heartbeat_s: 5}\n", "3:22", "comma"),
        (SITE + "devices: [{name: a} {name: b}]\n", "3:21", "comma"),
        (SITE + "gateway: {\n  label: a\n  heartbeat_s: 5\n}\n", "5:3", "comma"),
        (SITE + "gateway: {label: a: b}\n", "3:18", "colon_in_value"),
        (SITE + "devices:\n  - {name: a, url: modbus-tcp://h/?unit=1}\n", "4:20", "question_mark"),
        # a colon, a space
        ("version 1\nsite: {}\n", "1:1", "colon"),
        ("version:1\nsite: {}\n", "1:1", "space"),
        ("version = 1\nsite: {}\n", "1:1", "colon"),
        (SITE + "devices:\n  - name main\n    url: x\n", "4:5", "colon"),
        (SITE + "devices:\n  - name: main\n    every_s 5\n", "5:5", "colon"),
        (SITE + "devices:\n  - name: main\n    every_s:5\n", "5:5", "space"),
        (SITE + "devices:\n  - {name:main, url: x}\n", "4:6", "space"),
        (SITE + "gateway:\n  label: Pump: hall 2\n", "4:10", "colon_in_value"),
        (SITE + "devices: - name: a\n", "3:10", "list_in_line"),
        (SITE + "gateway:\n  label: @home\n", "4:10", "first_character"),
        (SITE + "gateway:\n  label: *home\n", "4:10", "anchor_unknown"),
        ("version: &a 1\nsite: &a 1\n", "2:7", "anchor_repeated"),
        (SITE + "---\nversion: 1\n", "3:1", "documents"),
        # indentation
        ("version: 1\nsite:\n\ttime_zone: UTC\n", "3:1", "tab_indentation"),
        ("version: 1\nsite: {\n\ttime_zone: UTC}\n", "3:1", "tab_indentation"),
        (SITE + "gateway:\n  label:\tx\n", "4:9", "tab"),
        (SITE + "gateway:\n  label: a\tb\n", "4:11", "tab"),
        ("version: 1\n  site: 2\n", "2:3", "indentation"),
        (SITE + "devices:\n  - name: a\n     label: A\n    url: x\n", "5:6", "indentation"),
        (SITE + "devices:\n  - name: a\n   url: x\n", "5:4", "indentation"),
        (SITE + "devices:\n  - name: a\n  url: x\n", "5:3", "indentation"),
        (SITE + "devices:\n  - name: a\n    - name: b\n", "5:5", "indentation"),
        (SITE + "devices:\n  - name: 'a'\n   - name: b\n", "5:4", "indentation"),
        ("- a\nb: c\n", "2:1", "setting_among_entries"),
        ("a: b\n- c\n", "2:1", "entry_among_settings"),
        # an input method
        ("version：1\nsite: {}\n", "1:8", "full_width"),
        ("version：1\nsite：\n  time_zone：Asia/Tokyo\n", "1:8", "full_width"),
        ("# meters\nversion： 1\nsite：\n  time_zone：UTC\n", "2:8", "full_width"),
        ("site：\n  time_zone: Asia/Tokyo\n", "1:5", "full_width"),
        ("---\nsite：\n  time_zone: Asia/Tokyo\n", "2:5", "full_width"),
        ("version：1\nsite：\n  time_zone: Asia/Tokyo\n", "1:8", "full_width"),
        ("version：1\ndevices：\n  - name: a\n", "1:8", "full_width"),
        ("'version'：1\n", "1:10", "full_width"),
        (SITE + "gateway: 【label: a】\n", "3:10", "full_width"),
        (SITE + "devices:\n  - name: a\n    every_s：５\n", "5:12", "full_width"),
        (SITE + "devices:\n  - {name：a, url: x}\n", "4:10", "full_width"),
        (SITE + "gateway：{label: x}\n", "3:8", "full_width"),
        (SITE + "gateway: {label: a，heartbeat_s: 5}\n", "3:19", "full_width"),
        (SITE + "gateway: {label: a、heartbeat_s: 5}\n", "3:19", "full_width"),
        ("version: 1\nsite: {time_zone: UTC｝\n", "2:22", "full_width"),
        ("version: 1\nsite: ｛time_zone: UTC｝\n", "2:7", "full_width"),
        (SITE + "devices:\n　- name: a\n", "4:1", "full_width_space"),
        (SITE + "devices:\n  － name: a\n", "4:3", "full_width"),
        (SITE + "devices:\n  ・ name: a\n", "4:3", "full_width"),
        (SITE + "devices: [{url: “snmp://h/?version=3”}]\n", "3:17", "typographic_quote"),
        (SITE + "devices:\n  – name: a\n", "4:3", "other_dash"),
        (SITE + "devices:\n- name: a\n-name: b\n  url: x\n", "5:1", "dash_space"),
        (SITE + "devices:\n  -name: b\n", "4:3", "dash_space"),
        (SITE + "# meters\n[devices]\nname = x\n", "4:1", "syntax"),
        (SITE + "＃ meters\ndevices: []\n", "3:1", "full_width"),
        (SITE + "gateway:\n  label:\xa0x\n  health_s: 5\n", "4:9", "other_space"),
        (SITE + "gateway:\n  label:　x\n  health_s: 5\n", "4:9", "full_width_space"),
        (SITE + "gate\u200bway: {}\n", "3:5", "invisible"),
        (SITE + "gateway: {label: 'a\x07'}\n", "3:20", "character"),
        # the file
        ("version: 1\nsite: {}\n".encode("utf-16"), "1:1", "not_utf8"),
        ("version: 1\nsite: {}\n".encode("utf-16-be"), "1:1", "not_utf8"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "1:1", "not_text"),
        ("version: 1\nsite: {}\ngateway: {label: 主幹}\n".encode("cp932"), "3:18", "not_utf8"),
    ],
)
def test_a_fault_is_shown_where_it_began(text: str | bytes, place: str, code: str) -> None:
    finding = only_finding(text)
    location = finding.location
    assert location is not None
    assert f"{location.line}:{location.column}" == place, str(finding)
    assert finding.what.id == f"yaml.{code}"
    assert finding.next
    for part in (finding.what, finding.why, finding.next):
        assert not _OF_THE_PARSER.search(str(part))
        assert part.format(JAPANESE) != str(part) or not part


_OF_THE_PARSER = re.compile(r"while (scanning|parsing)|expected|token|scalar|mapping|stream")


@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [
        ("label: 主幹\nname: メーター・東棟", "cp932", "Shift_JIS"),
        ("label: 主幹\nname: メーター・東棟", "euc_jp", "EUC-JP"),
        ("label: Prüfstand für Motoren", "cp1252", "Windows-1252"),
    ],
)
def test_the_encoding_is_named(text: str, codec: str, name: str) -> None:
    assert guess_encoding(text.encode(codec)) == name
    assert only_finding(text.encode(codec)).why.args == {"encoding": name}


def test_no_encoding_is_named_that_is_not_likely() -> None:
    assert guess_encoding(b"label: \xff\xff\xff\x81\n") == ""


@pytest.mark.parametrize("path", sorted(ROOT.glob("drivers/profiles/*.yaml")), ids=lambda p: p.stem)
def test_the_scanner_finds_nothing_in_the_files_that_are_shipped(path: Path) -> None:
    assert find_fault(path.read_text("utf-8")) is None


# --- files as people write them, with one fault planted -------------------------------------------

BLOCKS = ("|\n      two lines: {\n      'of text\n", ">-\n      folded\n\n      text\n")
SPREAD = ('"a text\n      of two: lines"\n', "a text\n      of two lines\n", "[1,\n   2]\n")
WORDS = st.sampled_from(
    ["main", "Asia/Tokyo", "5", "0.5", "true", "主幹：東", "it's", "a-b", "x y"]
)
QUOTED = st.sampled_from(
    ['"modbus-tcp://10.0.0.1:502/?unit=1&profile=eastron-sdm630"', "'Main: hall'", '"a, b"']
)
VALUES = WORDS | QUOTED
KEYS = ("name", "url", "label", "every_s", "reversed", "current_ratio")


@st.composite
def sections(draw: st.DrawFn, indent: int) -> str:
    """Settings below each other or between brackets, as the value of a setting."""
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
    pairs = [f"{key}: {draw(VALUES)}" for key in keys]
    if draw(st.booleans()):
        return f" {{{', '.join(pairs)}}}\n"
    return "\n" + "".join(f"{' ' * indent}{pair}\n" for pair in pairs)


@st.composite
def long_values(draw: st.DrawFn) -> str:
    """Settings whose values take several lines, or have anchors, tags and comments."""
    values = draw(st.lists(st.sampled_from((*BLOCKS, *SPREAD)), min_size=1, max_size=3))
    text = "".join(f"  key{index}: {value}" for index, value in enumerate(values))
    anchor = draw(st.sampled_from(["", " &a", " !!map", " # it's open: [", " &a # {"]))
    return f"{anchor}\n{text}  last: x  # 'a\n"


@st.composite
def entries(draw: st.DrawFn, indent: int) -> str:
    """A list of devices."""
    text = "\n"
    for _ in range(draw(st.integers(1, 3))):
        section = draw(sections(indent + 2))
        text += f"{' ' * indent}-" + (
            section if section.startswith(" ") else " " + section[1:].lstrip(" ")
        )
    return text


@st.composite
def files(draw: st.DrawFn) -> str:
    parts = ["version: 1\n"]
    for name in draw(st.permutations(["site", "gateway", "cloud", "devices"])):
        comment = draw(st.sampled_from(["", '# it\'s a "comment": {\n', "\n"]))
        value = draw(entries(draw(st.integers(0, 4))) if name == "devices" else sections(2))
        parts.append(f"{comment}{name}:{value}")
    return "".join(parts)


def place_of(text: str, index: int) -> tuple[int, int]:
    before = text[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1


def found_at(text: str) -> tuple[int, int]:
    finding = only_finding(text)
    assert finding.location
    return finding.location.line, finding.location.column


@settings(deadline=None)
@given(files(), long_values(), st.sampled_from(["\n", "\r\n", "\r"]))
def test_the_scanner_finds_nothing_in_a_valid_file(text: str, more: str, newline: str) -> None:
    whole = f"{text}more:{more}last: {{}}\n".replace("\n", newline)
    yaml.load(whole, CoreLoader)  # noqa: S506 # a safe loader
    assert find_fault(whole) is None


def tokens(text: str, pattern: str) -> list[re.Match[str]]:
    """Matches outside comments."""
    return [
        found
        for found in re.finditer(pattern, text)
        if not text[text.rfind("\n", 0, found.start()) + 1 :].startswith("#")
    ]


@settings(deadline=None)
@given(files(), st.data())
def test_a_missing_closing_quote_is_shown_where_it_opens(text: str, data: st.DataObject) -> None:
    quoted = tokens(text, r"(?<=[ {])(\"[^\"\n]*\"|'[^'\n]*')(?=[\n,}])")
    assume(quoted)
    chosen = data.draw(st.sampled_from(quoted))
    broken = text[: chosen.end() - 1] + text[chosen.end() :]
    assert found_at(broken) == place_of(text, chosen.start()), broken


@settings(deadline=None)
@given(files(), st.data())
def test_a_missing_closing_bracket_is_shown_where_it_opens(text: str, data: st.DataObject) -> None:
    brackets = tokens(text, r"(?<=[:-] )\{[^{}\n]*\}")
    assume(brackets)
    chosen = data.draw(st.sampled_from(brackets))
    broken = text[: chosen.end() - 1] + text[chosen.end() :]
    assert found_at(broken) == place_of(text, chosen.start()), broken


@settings(deadline=None)
@given(files(), st.data())
def test_a_tab_in_the_indentation_is_shown(text: str, data: st.DataObject) -> None:
    lines = tokens(text, r"(?<=\n) *(?=[a-z-])")
    chosen = data.draw(st.sampled_from(lines))
    at = data.draw(st.integers(chosen.start(), chosen.end()))
    broken = text[:at] + "\t" + text[at:]
    assert found_at(broken) == place_of(text, at), broken


@settings(deadline=None)
@given(files(), st.data())
def test_a_full_width_colon_is_shown(text: str, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([text, text.partition("\n")[2]]))  # also without a version
    colons = tokens(text, r"(?<=[a-z_]):(?=[ \n])")
    colons = [one for one in colons if not _in_quotes(text, one)]
    chosen = data.draw(st.sampled_from([colons[0], *colons]))
    spaces = data.draw(st.sampled_from(["", " "]))
    rest = text[chosen.end() :]
    broken = f"{text[: chosen.start()]}：{spaces}{rest.lstrip(' ')}"
    source = parse(broken.encode(), "f.yaml")
    assume(source.findings)  # "site:\n  name：main" is a text to YAML; the setting refuses it
    assert found_at(broken) == place_of(text, chosen.start()), broken


@settings(deadline=None)
@given(files(), st.integers(1, 4))
def test_a_file_typed_with_full_width_colons_is_shown_from_its_first_line(
    text: str, lines: int
) -> None:
    broken = text.splitlines(keepends=True)
    broken[:lines] = [re.sub(r"(?<=[a-z_]): ?(?!\S*//)", "：", one) for one in broken[:lines]]
    assert found_at("".join(broken)) == (1, 8), broken


def _in_quotes(text: str, found: re.Match[str]) -> bool:
    line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
    return line.count('"') % 2 == 1 or line.replace("it's", "").count("'") % 2 == 1


@settings(deadline=None)
@given(files(), st.data())
def test_a_full_width_space_before_a_setting_is_shown(text: str, data: st.DataObject) -> None:
    lines = tokens(text, r"(?<=\n) *(?=[a-z-])")
    at = data.draw(st.sampled_from(lines)).start()
    broken = text[:at] + "\u3000" + text[at:]
    assert found_at(broken) == place_of(text, at), broken


@settings(deadline=None)
@given(files(), st.data())
def test_a_line_that_is_indented_wrongly_is_shown(text: str, data: st.DataObject) -> None:
    lines = tokens(text, r"(?<=\n)  +(?=[a-z])")
    assume(lines)
    chosen = data.draw(st.sampled_from(lines))
    previous = text[: chosen.start()].rstrip("\n").rpartition("\n")[2]
    assume(re.match(r" *(- )?[a-z_]+: .", previous))  # not the first of its section
    broken = text[: chosen.start()] + " " + text[chosen.start() :]
    assert found_at(broken) == place_of(broken, chosen.end() + 1), broken


@example("\t")
@example("a: 'b\n\n c: [")
@settings(deadline=None)
@given(st.text(alphabet="ab:-#'\"[]{},?|>&*!%@` \n\t\r：　｛｝“\\\u2028", max_size=80))
def test_any_text_is_parsed_or_has_one_place(text: str) -> None:
    find_fault(text)
    for finding in parse(text.encode(), "f").findings:
        assert finding.location
        assert 1 <= finding.location.line <= len(re.split(r"[\n\r\u2028]", text)) + 1
