"""Topics: what is spelled is parsed, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_link.topics import ALL_UP, SHARED_UP, Down, TopicError, Up, UpTopic, down, parse_up, up

BOXES = st.from_regex(r"[a-z0-9][a-z0-9-]{2,35}", fullmatch=True)


@given(BOXES, st.sampled_from(Up))
def test_what_a_box_says_is_parsed_back(box: str, channel: Up) -> None:
    assert parse_up(up(box, channel)) == UpTopic(box, channel)


def test_the_spelling_is_fixed() -> None:
    assert up("b-k3v9q2m7xa", Up.ONLINE) == "kanmon/1/b-k3v9q2m7xa/up/online"
    assert down("b-k3v9q2m7xa", Down.ACK) == "kanmon/1/b-k3v9q2m7xa/down/ack"
    assert ALL_UP == "kanmon/1/+/up/#"
    assert SHARED_UP == "$share/ingest/kanmon/1/+/up/#"
    assert {channel.value for channel in Up} == {"online", "table", "data", "event", "reply"}
    assert {channel.value for channel in Down} == {"ack", "config", "command"}


@given(st.text(max_size=40))
def test_no_box_id_can_widen_a_topic(text: str) -> None:
    try:
        topics = up(text, Up.DATA), down(text, Down.ACK)
    except TopicError:
        return
    for topic in topics:
        assert topic.count("/") == 4
        assert not set("+#$\0") & set(topic)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "kanmon/1/abc/up",
        "kanmon/1/abc/up/data/more",
        "kanmon/1/abc/up/other",
        "kanmon/1/abc/down/ack",
        "kanmon/2/abc/up/data",
        "other/1/abc/up/data",
        "kanmon/1/ABC/up/data",
        "kanmon/1/ab/up/data",
        "kanmon/1//up/data",
        "kanmon/1/+/up/data",
    ],
)
def test_anything_else_is_refused(topic: str) -> None:
    with pytest.raises(TopicError):
        parse_up(topic)


@given(st.text())
def test_parsing_ends_in_a_topic_or_a_topic_error(text: str) -> None:
    try:
        found = parse_up(text)
    except TopicError:
        return
    assert up(found.box, found.channel) == text
