"""The words of reports: every value has one, in both languages, and it is the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from importlib.resources import files

import pytest
import yaml

from cloud_link.wire import Lane
from console import component_key, language, vocabulary
from console.text import Message, Template
from drivers.modbus.status import MODEL
from drivers.printer import alerts, supplies
from drivers.report import (
    PART_VALUES,
    Code,
    Quality,
    Quantity,
    Reachability,
    Severity,
    State,
    SupplyState,
)
from scripts.translation import catalogues

JAPANESE = language.translations("ja")
MAY_DIFFER: Mapping[str, str] = {
    "address": "of a device, on its line or network; of an organization or site, where mail goes",
    "ok": "there is enough of a supply; a button",
    "print": "a function of a device, beside copy and scan; in the bar, the place of all printing",
}
"""English texts whose Japanese differs between the two catalogues, each with its reason."""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (Quantity, vocabulary.QUANTITIES),
        (Code, vocabulary.CODES),
        (State, vocabulary.STATES),
        (Severity, vocabulary.SEVERITIES),
        (Reachability, vocabulary.REACHABILITIES),
        (Quality, vocabulary.QUALITIES),
        (SupplyState, vocabulary.SUPPLY_STATES),
    ],
)
def test_every_value_has_a_word_in_both_languages(
    values: type[Enum], words: Mapping[str, Template]
) -> None:
    assert {one.value for one in values} == words.keys()
    for value in words:
        word = vocabulary.word(words, value)
        assert word.format()
        assert word.format(JAPANESE) != word.format()
        assert (
            word.format() == word.format().lower()
            or word.format().split()[-1].isupper()
            or ("(THD)" in word.format())
        ), "a word is written as it stands within a sentence"


def test_every_lane_has_a_word() -> None:
    assert {lane.name.lower() for lane in Lane} == vocabulary.LANES.keys()


def test_every_unit_of_counted_things_has_a_word() -> None:
    spelt = {quantity.unit for quantity in Quantity if quantity.unit.isalpha()}
    counted = {unit for unit in spelt if len(unit) > 3 and unit.islower()} - {"varh"}

    assert counted == vocabulary.UNITS.keys()


def test_every_form_of_a_component_has_words() -> None:
    assert set(component_key.UNITS) == vocabulary.COMPONENTS.keys()
    assert set(component_key.SUPPLIES) == vocabulary.SUPPLIES.keys()
    assert set(component_key.COLOURS) == vocabulary.COLOURS.keys()


def test_the_driver_s_tables_hold_what_the_grammar_knows() -> None:
    """Its tables are private: a kind that is added there fails here until it has words."""
    kinds = {*supplies._KINDS.values(), *(kind for _, kind in supplies._NAMED), "other"}
    parts = {*alerts._COMPONENTS.values(), "tray", "roll", "supply"}

    assert kinds <= set(component_key.SUPPLIES)
    assert parts == set(component_key.UNITS)
    assert {colour for _, colour in supplies._COLOURS} == set(component_key.COLOURS)


def test_the_values_of_a_part_have_words() -> None:
    for key, words in vocabulary.VALUES.items():
        assert set(PART_VALUES[key].pattern.split("|")) == words.keys()


@pytest.mark.parametrize(
    ("name", "english", "japanese"),
    [
        ("tray 2", "tray 2", "トレイ2"),
        ("roll 1", "roll 1", "ロール紙1"),
        ("toner black", "black toner", "ブラックトナー"),
        ("ink light cyan", "light cyan ink", "ライトシアンインク"),
        ("fuser oil", "fuser oil", "定着オイル"),
        ("finisher supply 3", "finisher supply 3", "フィニッシャー消耗品3"),
        ("maintenance tank", "maintenance tank", "メンテナンスタンク"),
        ("drum", "drum", "ドラム"),
        ("toner teal", "toner teal", "toner teal"),
        ("tonerblack", "tonerblack", "tonerblack"),
        ("tray 02", "tray 02", "tray 02"),
        ("dc arc", "DC arc", "直流アーク"),
        ("flux coil", "flux coil", "flux coil"),
        ("l1", "L1", "L1"),
        ("", "", ""),
    ],
)
def test_a_component_is_called_as_people_call_it(name: str, english: str, japanese: str) -> None:
    message = vocabulary.component(name)

    assert message.format() == english
    assert message.format(JAPANESE) == japanese


def test_every_component_of_a_packaged_profile_has_a_word_in_both_languages() -> None:
    found = {MODEL}
    for path in (files("drivers") / "profiles").iterdir():
        if path.name.endswith(".yaml"):
            found |= set(_components(yaml.safe_load(path.read_text("utf-8"))))
    assert len(found) > 30
    for name in found:
        message = vocabulary.component(name)
        assert message.template is not None, name
        assert not message.format(JAPANESE).isascii(), name


def _components(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("component"), str):
            yield node["component"]
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from _components(one)


@pytest.mark.parametrize(
    ("value", "english", "japanese"),
    [
        ("", "", ""),
        ("l1-l2", "L1-L2", "L1-L2"),
        ("n", "N", "N"),
        ("tariff=2", "tariff 2", "料金区分2"),
        ("phase=l1,tariff=2", "phase L1, tariff 2", "L1相、料金区分2"),
        ("lane=gap", "missing-data notices", "欠測通知"),
        ("newer=3", "newer=3", "newer=3"),
        ("colour=mono,size=A4", "monochrome, size A4", "白黒、A4サイズ"),
        ("colour=mono,", "colour=mono,", "colour=mono,"),
    ],
)
def test_a_part_is_called_as_people_call_it(value: str, english: str, japanese: str) -> None:
    message = vocabulary.part(value)

    assert message.format() == english
    assert message.format(JAPANESE) == japanese


@pytest.mark.parametrize(
    ("code", "component", "english", "japanese"),
    [
        ("media.jam", "tray 2", "paper jam in tray 2", "トレイ2で用紙詰まり"),
        ("supply.low", "toner black", "black toner low", "ブラックトナー残りわずか"),
        ("phase.lost", "l1", "phase lost on L1", "L1の欠相"),
        ("media.jam", "", "paper jam", "用紙詰まり"),
        ("media.empty", "roll 1", "roll 1 out of paper", "ロール紙1の用紙切れ"),
        ("supply.low", "other black", "black supply low", "ブラック消耗品残りわずか"),
        (
            "grid.frequency",
            "low",
            "grid frequency out of range (underfrequency)",
            "系統周波数異常（周波数低下）",
        ),
        ("leak", "給紙; 3", "leak (給紙; 3)", "漏れの検知（給紙; 3）"),
        ("of.a.newer.one", "tray 2", "of.a.newer.one on tray 2", "トレイ2のof.a.newer.one"),
    ],
)
def test_a_condition_is_one_phrase(code: str, component: str, english: str, japanese: str) -> None:
    message = vocabulary.phrase(code, component)

    assert message.format() == english
    assert message.format(JAPANESE) == japanese


@pytest.mark.parametrize(
    ("message", "heading"),
    [
        (vocabulary.word(vocabulary.CODES, "media.jam"), "Paper jam"),
        (vocabulary.word(vocabulary.CODES, "of.a.newer.one"), "of.a.newer.one"),
        (vocabulary.component("toner black"), "Black toner"),
        (vocabulary.component("flux coil"), "flux coil"),
        (vocabulary.phrase("supply.low", "toner black"), "Black toner low"),
    ],
)
def test_a_heading_begins_with_a_capital_but_for_names(message: Message, heading: str) -> None:
    assert message.heading() == heading


def test_what_both_catalogues_hold_has_one_translation() -> None:
    """Whatever its case and the way its fields are written: one word for one thing."""
    kanmon, django = (translated(domain) for domain in ("kanmon", "django"))
    shared = kanmon.keys() & django.keys()
    different = {text: (kanmon[text], django[text]) for text in shared}
    different = {text: pair for text, pair in different.items() if pair[0] != pair[1]}

    assert len(shared) > 10, "the search finds what they share"
    assert different.keys() == MAY_DIFFER.keys(), different


def translated(domain: str) -> dict[str, str]:
    """The translations of a catalogue by their English text, in lower case."""
    catalogue = catalogues.read(catalogues.PATHS[domain])
    return {
        braced(one.id).casefold(): braced(str(one.string))
        for one in catalogue
        if one.id and isinstance(one.id, str)
    }


def braced(text: str) -> str:
    """A text whose fields are written as those of the other catalogue."""
    return text.replace("%(", "{").replace(")s", "}")


REPLACED: Mapping[str, str] = {
    "サインイン": "ログイン",
    "サインアウト": "ログアウト",
    "型式": "型番",
    "印刷面数": "使用枚数",
    "製造番号": "シリアル番号",
    "深刻度": "重大度",
    "運用者": "運用担当者",
    "既に": "すでに",
    "紙づまり": "用紙詰まり",
    "コミュニティ(?!ー)": "コミュニティー",
    "メモリ(?!ー)": "メモリー",
    "ユーザ(?!ー)": "ユーザー",
    "サーバ(?!ー)": "サーバー",
    "プリンタ(?!ー)": "プリンター",
    "レコード": "記録",
    "模擬": "デモ",
    "ご覧ください": "確認してください",
}
"""Words that the Japanese texts do not use, and what they use instead."""
HALF_WIDTH = re.compile(r"[ぁ-んァ-ヶ一-龠ー][(),.:;?!]|[):][ぁ-んァ-ヶ一-龠]")


SPACED = re.compile(
    r"[ぁ-んァ-ヶ一-龠。、](?: [%{]| \S+ (?=[はがをにのでと]))|[)}]s? [はがをにのでと]"
)
"""A space between Japanese and a field or a word of the Latin script."""
COMMAND = re.compile(
    r"['「“](?:kanmon|kanmon-portal|broker|chmod|mosquitto|openssl|systemctl|usermod) "
    r"[^'」”]+['」”]"
)
"""A command that is quoted as a name is; commands stand between backticks, or in ``<code>``."""
LABELLED = re.compile(
    r"^(?:\S+[、・] ?)*\S+ [%{][^ ]+$|消失 "
    r"|.*(?:か所|有効期限|最終受信|失効リスト)|KEYに - を"
)
"""Labels before their values, and words that are to be typed with their blanks."""


@pytest.mark.parametrize("domain", ["kanmon", "django"])
def test_the_japanese_has_no_space_around_words_of_another_script(domain: str) -> None:
    said = translated(domain).values()

    assert not [one for one in said if SPACED.search(one) and not LABELLED.search(one)]
    assert SPACED.search("閉じ括弧 {mark} に対応する開き括弧"), "the control"


@pytest.mark.parametrize("domain", ["kanmon", "django"])
def test_no_command_is_quoted_as_a_name_is(domain: str) -> None:
    said = translated(domain)

    assert not [one for pair in said.items() for one in pair if COMMAND.search(one)]
    assert COMMAND.search("'kanmon status'を実行してください"), "the control"


@pytest.mark.parametrize("domain", ["kanmon", "django"])
def test_the_japanese_has_one_word_for_one_thing(domain: str) -> None:
    offences = {
        text: f"{word}: write {better}"
        for text, said in translated(domain).items()
        for word, better in REPLACED.items()
        if re.search(word, said)
    }
    assert not offences


def test_the_japanese_of_pages_has_full_width_punctuation() -> None:
    said = translated("django")

    assert not {
        text: HALF_WIDTH.findall(one) for text, one in said.items() if HALF_WIDTH.search(one)
    }
    assert HALF_WIDTH.search("合計(判明分)"), "the control"
