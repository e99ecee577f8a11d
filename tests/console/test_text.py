"""Messages: formatting, travelling, and whose arguments stay in one piece."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import catalogue, language
from console.templates import control, system
from console.text import (
    NO_MESSAGE,
    Argument,
    Duration,
    Message,
    MessageError,
    Template,
    join,
    one_line,
    verbatim,
)

JAPANESE = language.translations("ja")
PUMP = Template("test.pump", "pump '{name}' runs")
COUNT = Template("test.count", "{n} device", "{n} devices")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


def arguments(depth: int = 2) -> st.SearchStrategy[Argument]:
    """Arguments of every kind that travel, and messages within them."""
    plain = (
        TEXT
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.floats(0, 1e7).map(Duration)
        | TEXT.map(verbatim)
    )
    if not depth:
        return plain
    nested = st.builds(
        lambda member, value: control.OTHER_PROTOCOL(member=member, value=value), TEXT, plain
    )
    return plain | nested | st.lists(arguments(depth - 1), max_size=3).map(tuple)


@given(st.text())
def test_an_argument_is_inserted_as_it_is(name: str) -> None:
    assert str(PUMP(name=name)) == f"pump '{name}' runs"
    assert str(PUMP(name=verbatim(name))) == f"pump '{name}' runs"


@given(arguments(), arguments())
def test_a_message_arrives_as_it_was_sent(member: Argument, value: Argument) -> None:
    message = control.OTHER_PROTOCOL(member=member, value=value)
    arrived = catalogue.decode(json.loads(json.dumps(message.to_json())))
    assert arrived.format() == message.format()
    assert arrived.format(JAPANESE) == message.format(JAPANESE)
    assert arrived.to_json() == message.to_json()


def test_an_unknown_id_shows_the_text_that_came_with_it() -> None:
    newer = {"id": "control.of_tomorrow", "args": {"a": "x"}, "text": "something new: x"}
    for value in (newer, {**newer, "id": "os.system"}, {**newer, "id": "control.__doc__"}):
        arrived = catalogue.decode(value)
        assert arrived.format() == arrived.format(JAPANESE) == "something new: x"
        assert (arrived.id, arrived.args) == (value["id"], {"a": "x"})


def test_other_arguments_than_the_templates_show_the_text() -> None:
    sent: dict[str, Any] = {"id": "control.member_repeated", "args": {}, "text": "the member a"}
    assert catalogue.decode(sent).format(JAPANESE) == "the member a"
    assert catalogue.decode({**sent, "args": 7}).format(JAPANESE) == "the member a"
    deep: Any = "x"
    for _ in range(50):
        deep = [deep]
    assert catalogue.decode({**sent, "args": {"member": deep}}).format() == "the member a"


def test_messages_nested_without_end_show_the_text_of_the_outermost() -> None:
    deep: Any = {"id": "a.b", "args": {}, "text": "x"}
    for _ in range(5_000):
        deep = {"id": "a.b", "args": {"a": deep}, "text": "the outer text"}
    assert catalogue.decode(deep).format(JAPANESE) == "the outer text"
    assert catalogue.decode_parts("a.b", {"a": deep}, "text").format() == "text"


@pytest.mark.parametrize("seconds", [10**400, -(10**400), 1e300, float("nan"), float("-inf"), "1"])
def test_a_span_of_time_that_is_none_shows_the_text(seconds: Any) -> None:
    sent = {"id": "control.member_repeated", "args": {"member": {"seconds": seconds}}, "text": "x"}
    assert catalogue.decode(sent).format(JAPANESE) == "x"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXT,
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(TEXT | st.sampled_from(["id", "args", "text", "seconds"]), inner)
        ),
    )
)
def test_what_arrives_is_a_message_or_refused(value: Any) -> None:
    try:
        message = catalogue.decode(value)
    except ValueError:
        return
    assert isinstance(message.format(JAPANESE), str)
    json.dumps(message.to_json())


@pytest.mark.parametrize(("n", "english"), [(0, "0 devices"), (1, "1 device"), (2, "2 devices")])
def test_the_number_chooses_the_form(n: int, english: str) -> None:
    assert str(COUNT(n=n)) == english


@pytest.mark.parametrize(
    ("seconds", "english", "japanese"),
    [
        (0, "0 s", "0秒"),
        (0.25, "0.2 s", "0.2秒"),
        (9, "9 s", "9秒"),
        (140, "2 min 20 s", "2分20秒"),
        (3600, "1 h", "1時間"),
        (7300, "2 h 1 min", "2時間1分"),
        (86400, "1 day", "1日"),
        (180_000, "2 days 2 h", "2日2時間"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, english: str, japanese: str) -> None:
    assert Duration(seconds).format() == english
    assert Duration(seconds).format(JAPANESE) == japanese


def test_a_list_is_joined_as_each_language_does() -> None:
    assert join(()) == ""
    assert join(("a", "b, c", 3)) == "a, b, c and 3"
    assert join(("a", "b、c", 3), JAPANESE) == "a、b、c、3"


def test_the_parts_of_an_error_make_one_line() -> None:
    error = MessageError(
        system.NOT_FOUND(), where="a.yaml:3", why=verbatim("it is so"), next_step=system.BUSY()
    )
    assert str(error) == ("a.yaml:3: no such file or folder; it is so. Device or resource busy.")
    assert one_line("", system.DISK_FULL()) == "no space left on device."
    assert one_line("", system.DISK_FULL(), translations=JAPANESE).endswith("。")
    assert not NO_MESSAGE
    assert Message("x", text="y")


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (system.BUSY(), "Device or resource busy."),
        (verbatim("kanmon-portal key issue"), "kanmon-portal key issue."),
        (verbatim("Is it on?"), "Is it on?"),
        (PUMP(name="x."), "Pump 'x.' runs."),
        (Template("test.name", "{name} runs")(name="pump"), "pump runs."),
        (NO_MESSAGE, ""),
    ],
)
def test_a_sentence_begins_large_unless_a_name_stands_there(
    message: Message, sentence: str
) -> None:
    assert message.sentence() == sentence
