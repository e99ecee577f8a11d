from __future__ import annotations

import re
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from provisioning import agent_key
from provisioning.agent_key import ALPHABET, GROUPS, AgentKey, AgentKeyError, parse, rows
from provisioning.codes import Code

HOST = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,12}[a-z0-9])?(\.[a-z0-9]{1,8}){0,3}", fullmatch=True)
ADDRESS = st.one_of(
    st.builds(
        lambda host, port: f"https://{host}{port}",
        HOST,
        st.one_of(st.just(""), st.integers(1, 65_535).map(lambda port: f":{port}")),
    ),
    st.sampled_from(["http://127.0.0.1:8000", "http://localhost", "https://[fd00::1]:8443"]),
)
KEYS = st.builds(
    AgentKey,
    id=st.text(ALPHABET, min_size=8, max_size=8),
    secret=st.binary(min_size=16, max_size=16),
    pin=st.binary(min_size=14, max_size=14),
    address=ADDRESS,
)
TYPED = string.ascii_letters + string.digits + "-.:@/ _あ１"


def example() -> AgentKey:
    return AgentKey(
        id="7GX0R8MC",
        secret=bytes(range(16)),
        pin=bytes(range(100, 114)),
        address="https://portal.example.com:8443",
    )


def read(text: str) -> AgentKey | None:
    try:
        return parse(text)
    except AgentKeyError:
        return None


@given(KEYS)
def test_a_key_is_read_as_it_was_written(key: AgentKey) -> None:
    assert parse(str(key)) == key


@given(KEYS, st.data())
def test_any_single_wrong_character_is_found(key: AgentKey, data: st.DataObject) -> None:
    text = str(key)
    at = data.draw(st.integers(0, len(text) - 1))
    typed = text[:at] + data.draw(st.sampled_from(TYPED)) + text[at + 1 :]
    # A blank at the end is not a wrong character but one too few; see the next but one test.
    assume(typed.strip() == typed)
    assert read(typed) in (None, key)


@given(KEYS, st.data())
def test_any_two_neighbours_swapped_are_found(key: AgentKey, data: st.DataObject) -> None:
    text = str(key)
    at = data.draw(st.integers(0, len(text) - 2))
    assert read(text[:at] + text[at + 1] + text[at] + text[at + 2 :]) in (None, key)


@given(KEYS, st.data())
def test_any_two_groups_swapped_are_found(key: AgentKey, data: st.DataObject) -> None:
    groups = str(key).partition("@")[0].split("-")
    one, other = data.draw(st.tuples(st.integers(1, GROUPS), st.integers(1, GROUPS)))
    assume(groups[one] != groups[other])
    groups[one], groups[other] = groups[other], groups[one]
    assert read("-".join(groups) + "@" + str(key).partition("@")[2]) is None


@given(KEYS, st.data())
def test_the_wrong_group_is_named(key: AgentKey, data: st.DataObject) -> None:
    prefix, *groups = str(key).partition("@")[0].split("-")
    number = data.draw(st.integers(1, GROUPS))
    group = groups[number - 1]
    at = data.draw(st.integers(0, 4))
    wrong = data.draw(st.sampled_from([c for c in ALPHABET + "U*" if c != group[at]]))
    groups[number - 1] = group[:at] + wrong + group[at + 1 :]
    text = "-".join([prefix, *groups]) + "@" + str(key).partition("@")[2]
    with pytest.raises(AgentKeyError) as caught:
        parse(text)
    assert caught.value.code is Code.KEY_MISTYPED
    assert caught.value.group == number
    assert caught.value.why.args["group"] == number


@given(KEYS, st.data())
def test_a_character_too_few_or_too_many_is_found_in_its_group(
    key: AgentKey, data: st.DataObject
) -> None:
    text = str(key)
    end = text.index("@")
    at = data.draw(st.integers(3, end - 1).filter(lambda at: text[at] != "-"))
    number = text[:at].count("-")
    for typed in (text[:at] + text[at + 1 :], text[:at] + "0" + text[at:]):
        with pytest.raises(AgentKeyError) as caught:
            parse(typed)
        assert caught.value.group == number


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    assert read(text) is None


@given(KEYS, st.text())
def test_whatever_stands_for_the_address_is_refused_or_the_same(key: AgentKey, text: str) -> None:
    found = read(str(key).partition("@")[0] + "@" + text)
    assert found is None or found == key


@pytest.mark.parametrize(
    "typed",
    [
        str(example()).lower(),
        str(example()).replace("-", ""),
        str(example()).replace("-", " ").replace("@", " @"),
        "\n".join(rows(str(example()))),
        f"  {example()}\r\n",
        str(example()).replace("@", "@https://") + "/",
        str(example()).replace("0", "o").replace("1", "l", 1),
        "".join(chr(ord(c) + 0xFEE0) for c in str(example())),  # full-width, as an IME writes
    ],
)
def test_how_it_is_typed_does_not_matter(typed: str) -> None:
    assert parse(typed) == example()


def test_it_looks_as_documented() -> None:
    text = str(example())
    assert re.fullmatch(rf"K1(-[{ALPHABET}]{{5}}){{15}}@portal\.example\.com:8443", text)
    assert [len(row.split()) for row in rows(text)] == [1, 5, 5, 5, 1]


def test_the_written_form_does_not_change() -> None:
    """Keys are on paper: an update must still read them."""
    assert str(example()) == (
        "K1-7GX0N-R8MCV-000GA-40R4S-0M30C-E2097-185GG-R3"
        "8EN-1XJ65-ASK78-D1MPQ-MTVCB-DNQ6H-YW3HN-0W0N2@portal.example.com:8443"
    )


def test_the_secret_is_not_shown_by_accident() -> None:
    assert repr(bytes(range(16))) not in repr(example())


@pytest.mark.parametrize(
    "address",
    [
        "http://portal.example.com",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "ftp://portal.example.com",
        "portal.example.com",
        "https://portal.example.com/path",
        "https://user@portal.example.com",
        "https://portal.example.com:0",
        "https://portal.example.com:65536",
        "https://portal..example.com",
        "https://-portal.example.com",
        "https://",
        "https://門.example",
    ],
)
def test_an_address_that_will_not_do_is_refused(address: str) -> None:
    with pytest.raises(AgentKeyError) as caught:
        agent_key.check_address(address)
    assert caught.value.code is Code.ADDRESS_MISTYPED


def test_a_slip_in_the_address_is_told_as_such() -> None:
    with pytest.raises(AgentKeyError) as caught:
        parse(str(example()).replace("portal", "protal"))
    assert caught.value.code is Code.ADDRESS_MISTYPED


def test_new_parts_are_random_and_usable() -> None:
    made = {agent_key.new_id() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(f"[{ALPHABET}]{{8}}", one) for one in made)
    assert len(agent_key.new_secret()) == 16


@given(KEYS, st.data())
def test_no_error_shows_any_group(key: AgentKey, data: st.DataObject) -> None:
    """Whatever the slip: what is told ends in logs, on screens and on photographs of them."""
    groups, _, address = str(key).partition("@")
    number = data.draw(st.integers(1, GROUPS))
    parts = groups.split("-")
    slip = data.draw(st.sampled_from(["U", "*", "O", "", "WW"]))
    at = data.draw(st.integers(0, 4))
    parts[number] = parts[number][:at] + slip + parts[number][at + 1 :]
    text = "-".join(parts) + f"@{address}"
    try:
        parse(text)
    except AgentKeyError as error:
        told = f"{error} {error.why.to_json()}".upper()
        assert not [part for part in parts[1:] if len(part) > 3 and part in told]


def test_a_key_pasted_twice_is_not_shown() -> None:
    text = str(example())
    with pytest.raises(AgentKeyError) as caught:
        parse(text + text)
    assert caught.value.code is Code.ADDRESS_MISTYPED
    assert text[3:8] not in str(caught.value).upper()
