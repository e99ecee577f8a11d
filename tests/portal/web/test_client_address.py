"""Whose address counts where proxies stand in between."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.web.client_address import client_address

TRUSTED = [ip_network("127.0.0.0/8"), ip_network("192.0.2.0/24"), ip_network("2001:db8:1::/48")]
STRANGER = "203.0.113.9"


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("127.0.0.1", STRANGER, STRANGER),
        ("127.0.0.1", f"{STRANGER}, 192.0.2.1", STRANGER),
        ("127.0.0.1", f"10.0.0.1, {STRANGER},192.0.2.1 ", STRANGER),
        ("127.0.0.1", f"127.0.0.1, {STRANGER}", STRANGER),
        ("::ffff:127.0.0.1", f"::ffff:{STRANGER}", STRANGER),
        ("127.0.0.1", "2001:db8:2::9", "2001:db8:2::9"),
        ("127.0.0.1", "2001:DB8:2:0::9, [2001:db8:1::1]:443", "2001:db8:2::9"),
        ("127.0.0.1", f"{STRANGER}:51234", STRANGER),
        # Who is not a proxy is not believed, whatever they say.
        (STRANGER, "127.0.0.1", STRANGER),
        (STRANGER, "", STRANGER),
        (f"::ffff:{STRANGER}", "", STRANGER),
        (f"::ffff:{STRANGER}", "127.0.0.1", STRANGER),
        ("", STRANGER, ""),
        # What no proxy wrote ends the walk where it stands.
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", f"{STRANGER}, unknown", "127.0.0.1"),
        ("127.0.0.1", f"{STRANGER}, unknown, 192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "192.0.2.7, 192.0.2.1", "192.0.2.7"),
        ("127.0.0.1", f"{STRANGER} {STRANGER}", "127.0.0.1"),
    ],
)
def test_the_header_is_believed_from_the_right_as_far_as_proxies_are_trusted(
    peer: str, forwarded_for: str, client: str
) -> None:
    assert client_address(peer, forwarded_for, TRUSTED) == client


addresses = st.one_of(
    st.ip_addresses().map(str), st.sampled_from(["192.0.2.1", "127.0.0.1", "unknown", ""])
)


@given(peer=addresses, forged=st.text(), entries=st.lists(addresses, max_size=5))
def test_what_the_client_writes_itself_does_not_matter(
    peer: str, forged: str, entries: list[str]
) -> None:
    written = ", ".join([STRANGER, *entries])
    assert client_address(peer, f"{forged},{written}", TRUSTED) == client_address(
        peer, written, TRUSTED
    )


@given(peer=addresses, forwarded_for=st.text())
def test_any_header_gives_an_address_that_was_named(peer: str, forwarded_for: str) -> None:
    assert client_address(peer, forwarded_for, []) == client_address(peer, "", TRUSTED)
    client_address(peer, forwarded_for, TRUSTED)
