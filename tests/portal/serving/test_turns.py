"""Who goes on first where many wait: by order and by count, never by time."""

from __future__ import annotations

import pytest

from portal.serving.turns import HALF_WINDOW_S, RecentWork, Turns

CROWD = [f"192.0.2.{number}" for number in range(100)]


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def turns(clock: Clock) -> Turns[str]:
    return Turns(RecentWork(clock))


def open_and_ask(turns: Turns[str], network: str, name: str) -> None:
    turns.admit(network, name)
    turns.ask(name)


def answered_until(turns: Turns[str], name: str) -> list[str]:
    """Who is answered up to ``name``, while all others ask again as soon as they are answered."""
    answered = []
    while name not in answered:
        connection = turns.next_to_answer()
        assert connection is not None
        answered.append(connection)
        turns.remove(connection)
        if connection != name:
            open_and_ask(turns, connection, connection)
    return answered


def test_a_box_is_answered_before_a_hundred_addresses_that_ask_again(turns: Turns[str]) -> None:
    for network in CROWD:
        open_and_ask(turns, network, network)
    turns.work.add("203.0.113.1", 1_000_000)
    for _ in range(3):
        open_and_ask(turns, "203.0.113.1", "last of a round")
        assert len(answered_until(turns, "last of a round")) > len(CROWD)
    for request in ("GET", "POST"):
        open_and_ask(turns, "198.51.100.8", request)
        assert len(answered_until(turns, request)) <= 2


def test_a_box_goes_on_before_a_thousand_that_send_bytes(turns: Turns[str]) -> None:
    dripping = [f"{network} {number}" for network in CROWD for number in range(10)]
    for name in dripping:
        turns.admit(name.partition(" ")[0], name)
    for _ in range(300):
        turns.first(dripping, 4)
    turns.admit("198.51.100.7", "box")
    for _ in range(6):  # steps of a claim
        assert "box" in turns.first([*dripping, "box"], 4)


def test_newcomers_do_not_overtake_a_connection_of_their_network_that_has_begun(
    turns: Turns[str],
) -> None:
    ready = ["box"]
    turns.admit("198.51.100.7", "box")
    for step in range(6):
        assert "box" in turns.first(ready, 4)
        for number in range(20):
            ready.append(f"newcomer {step} {number}")
            turns.admit("198.51.100.7", ready[-1])


def test_whoever_waits_longest_goes_on_however_much_was_done_for_it(turns: Turns[str]) -> None:
    turns.work.add("198.51.100.7", 1_000_000)
    turns.admit("198.51.100.7", "many boxes")
    for network in CROWD:
        open_and_ask(turns, network, network)
    turns.ask("many boxes")
    assert len(answered_until(turns, "many boxes")) <= 2 * (len(CROWD) + 1)
    ready = [*(f"{network} ready" for network in CROWD), "many boxes"]
    for name in ready:
        turns.admit(name.partition(" ")[0], name)
    gone: list[str] = []
    while "many boxes" not in gone:
        gone += turns.first(ready, 4)
        assert len(gone) <= 8 * len(ready)


def test_of_one_network_every_other_answer_is_for_the_newest(turns: Turns[str]) -> None:
    for number in range(5):
        open_and_ask(turns, "198.51.100.7", str(number))
    assert [turns.next_to_answer() for _ in range(6)] == ["4", "0", "3", "1", "2", None]


def test_work_is_forgotten_after_a_minute(clock: Clock) -> None:
    work = RecentWork(clock)
    work.add("198.51.100.7", 3)
    clock.seconds = HALF_WINDOW_S
    work.move()
    work.add("198.51.100.7", 1)
    assert work.of("198.51.100.7") == 4
    clock.seconds = 2 * HALF_WINDOW_S
    work.move()
    assert work.of("198.51.100.7") == 1
    clock.seconds = 10 * HALF_WINDOW_S
    work.move()
    assert work.of("198.51.100.7") == 0
    assert work.of("198.51.100.8") == 0


def test_who_has_left_is_not_answered(turns: Turns[str]) -> None:
    open_and_ask(turns, "198.51.100.7", "gone")
    turns.remove("gone")
    turns.remove("gone")
    assert turns.next_to_answer() is None
    assert turns.first(["gone"], 4) == []
