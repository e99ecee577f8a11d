"""Anything at all from a peer: the outcome has a name, and the device read next is read right."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols.modbus.unit import Block, ModbusUnit
from tests.broken_peer import LONG_S, RIGHT, Script, answer, outcome, peer

mutations = st.sampled_from(
    ["cut", "flip", "insert", "prefix", "suffix", "twice", "nothing", "noise", "right"]
)


@st.composite
def replies(draw: st.DrawFn) -> Script:
    """What a peer sends for one request: the right answer, changed in a few ways, in pieces."""
    changes = draw(st.lists(st.tuples(mutations, st.binary(max_size=12), st.integers(0, 300))))
    cuts = draw(st.lists(st.integers(0, 40), max_size=4))

    def script(transaction: int, _: bytes) -> list[bytes]:
        data = answer(transaction)
        for kind, noise, at in changes[:4]:
            data = mutated(data, kind, noise, at)
        ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
        pieces = [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]
        return [piece for piece in pieces if piece]

    return script


def mutated(data: bytes, kind: str, noise: bytes, at: int) -> bytes:
    where = at % (len(data) + 1)
    match kind:
        case "cut":
            return data[:where]
        case "flip" if data:
            where %= len(data)
            return data[:where] + bytes((data[where] ^ (1 + at % 255),)) + data[where + 1 :]
        case "insert":
            return data[:where] + noise + data[where:]
        case "prefix":
            return noise + data
        case "suffix":
            return data + noise
        case "twice":
            return data + data
        case "nothing":
            return b""
        case "noise":
            return noise
    return data


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(replies(), min_size=1, max_size=4))
async def test_whatever_a_peer_sends_the_outcome_is_named_and_the_next_device_is_read(
    scripts: list[Script],
) -> None:
    left = iter(scripts)
    exact = []

    def script(transaction: int, request: bytes) -> list[bytes]:
        pieces = next(left, lambda t, _: [answer(t)])(transaction, request)
        exact.append(b"".join(pieces))
        return pieces

    async with peer(script, 0.05) as (_, unit):
        for _ in scripts:
            got = await outcome(unit)
            if isinstance(got, Block):
                # Bytes may be changed within the data, but never be of another length or place.
                assert len(got.data) == 4
                assert any(got.data in sent for sent in exact)
            else:
                assert got.what
                assert got.where
        # What a peer sends late belongs to the next exchange; the one after that is clean.
        last = [
            await outcome(ModbusUnit(unit.line, 1, now=lambda: 0, timeout_s=LONG_S))
            for _ in range(2)
        ][-1]
        assert isinstance(last, Block), last
        assert last.data == RIGHT
