"""Device URLs, taken apart."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.device_url import HOST_LIMIT, DeviceUrl, UrlError, not_a_choice, suggestion


def test_a_url_is_taken_apart() -> None:
    url = DeviceUrl.parse("Modbus-TCP://[2001:db8::7]:1502/?unit=3&profile=acme-x")
    assert (url.scheme, url.host, url.port, url.path) == ("modbus-tcp", "2001:db8::7", 1502, "/")
    assert dict(url.query) == {"unit": "3", "profile": "acme-x"}
    bare = DeviceUrl.parse("snmp://public@192.0.2.1")
    assert (bare.user, bare.host, bare.port, bare.path) == ("public", "192.0.2.1", None, "")
    local = DeviceUrl.parse("modbus-rtu:///dev/ttyUSB0?baud=9600")
    assert (local.host, local.path) == ("", "/dev/ttyUSB0")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "does not name a protocol"),
        ("192.0.2.1:502", "does not name a protocol"),
        ("modbus-tcp:192.0.2.1", "does not name a protocol"),
        ("modbus-tcp://host:99999/", "invalid port '99999'"),
        ("modbus-tcp://host:x/", "invalid port 'x'"),
        ("modbus-tcp://[::1/", "invalid host"),
        ("modbus-tcp://ho st/", "a space"),
        ("modbus-tcp://host/?unit=1&unit=2", "'unit' is given twice"),
        ("modbus-tcp://host/#x", "a part after '#'"),
    ],
)
def test_what_is_no_url_says_what_to_do(text: str, words: str) -> None:
    with pytest.raises(UrlError) as error:
        DeviceUrl.parse(text)
    assert words in str(error.value.what)
    assert error.value.next_step
    assert error.value.where == text


@given(st.text(max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    for given_text in (text, "modbus-tcp://" + text):
        with suppress(UrlError):
            assert DeviceUrl.parse(given_text).text == given_text


def test_a_url_with_a_long_host_is_shown_whole() -> None:
    text = f"modbus-tcp://{'h' * (HOST_LIMIT + 1)}/?unit=1"
    with pytest.raises(UrlError) as caught:
        DeviceUrl.parse(text)
    assert caught.value.where == text


@pytest.mark.parametrize(
    ("known", "words"), [(["demand"], "use demand"), (["a", "b"], "use one of a and b")]
)
def test_a_single_choice_is_not_one_of_several(known: list[str], words: str) -> None:
    assert str(not_a_choice("x", "1", known).next) == words
    assert str(suggestion("nothing-near", known)) == words
