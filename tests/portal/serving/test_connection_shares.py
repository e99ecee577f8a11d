"""Who makes room for whom."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.serving.connection_shares import ConnectionShares, network


@dataclass(eq=False)
class Held:
    name: str
    answered: bool = False


@dataclass
class Room:
    """Shares, and what is open by them."""

    shares: ConnectionShares[Held] = field(
        default_factory=lambda: ConnectionShares(
            most=6, share=4, may_end=lambda one: not one.answered
        )
    )
    open: list[Held] = field(default_factory=list)

    def enter(self, name: str, *, answered: bool = False) -> Held | None:
        """A connection comes; returns the one that has to go for it."""
        newcomer = Held(name, answered)
        self.open.append(newcomer)
        ended = self.shares.admit(name, newcomer)
        if ended is not None:
            self.open.remove(ended)
            self.shares.remove(ended.name, ended)
        return ended


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
    ],
)
def test_who_shares_a_network(host: str, name: str) -> None:
    assert network(host) == name


def test_an_address_above_its_share_ends_its_own_oldest() -> None:
    room = Room()
    others = [room.enter("b"), room.enter("b")]
    first = [room.enter("a"), room.enter("a")]
    assert others == first == [None, None]
    ended = [room.enter("a") for _ in range(9)]
    assert all(one is None or one.name == "a" for one in ended)
    assert [one.name for one in room.open].count("b") == 2


def test_where_all_are_answered_the_newcomer_goes() -> None:
    room = Room()
    for _ in range(4):
        assert room.enter("a", answered=True) is None
    ended = room.enter("a")
    assert ended is not None
    assert ended not in room.open


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), max_size=60))
def test_limits_hold_and_who_is_answered_stays(comers: list[tuple[str, bool]]) -> None:
    room = Room()
    for name, answered in comers:
        before = {who: sum(one.name == who for one in room.open) for who in "abcdefgh"}
        ended = room.enter(name, answered=answered)
        newest = ended is not None and ended.answered
        assert not newest or all(one.answered for one in room.open if one.name == name)
        if ended is not None and ended.name != name:
            assert before[ended.name] >= before[name], "who holds less makes no room"
        counts = [sum(one.name == who for one in room.open) for who in "abcdefgh"]
        assert len(room.shares) == len(room.open) == sum(counts) <= 6
        assert max(counts) <= 4
    assert set(room.shares.all()) == set(room.open)
