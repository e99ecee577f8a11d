"""The keys of parts: writer and reader are inverse, whatever a value holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import part_key as keys
from console.part_key import Slices, Token
from drivers.quantity import PART_VALUES, PartError, Quantity, check_part
from tests.console.hostile import HOSTILE

almost_keys = st.sampled_from(
    ["l1", "colour=mono,size=A4", "a=b=c", "a=,b=c", "a=b,", ",a=b", "A=b", "a=b,a=b", "=", "a=\n"]
)
texts = st.one_of(st.text(), almost_keys, st.sampled_from(HOSTILE))
pairs = st.tuples(
    st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1),
    st.text(min_size=1).filter(lambda value: not {",", "="} & set(value)),
)
slices = st.lists(pairs, min_size=1, max_size=4).map(lambda some: Slices(tuple(some)))
parts: st.SearchStrategy[Slices | Token] = st.one_of(slices, texts.map(keys.read))


@given(parts)
def test_a_part_is_read_as_it_was_written(part: Slices | Token) -> None:
    assert keys.read(keys.write(part)) == part


@given(texts)
def test_every_text_is_a_key_that_is_written_as_it_was_read(key: str) -> None:
    assert keys.write(keys.read(key)) == key


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("", Token("")),
        ("l1-l2", Token("l1-l2")),
        ("tariff=2", Slices((("tariff", "2"),))),
        ("colour=mono,size=A4", Slices((("colour", "mono"), ("size", "A4")))),
        ("line=serial:-dev-ttyS0", Slices((("line", "serial:-dev-ttyS0"),))),
        ("colour=", Token("colour=")),
        ("colour=mono,A4", Token("colour=mono,A4")),
    ],
)
def test_the_form_of_a_key(key: str, part: Slices | Token) -> None:
    assert keys.read(key) == part


@pytest.mark.parametrize("some", [(), (("", "1"),), (("a", ""),), (("a", "b,c"),), (("a=b", "c"),)])
def test_slices_that_would_be_read_as_others_are_not_made(
    some: tuple[tuple[str, str], ...],
) -> None:
    with pytest.raises(ValueError, match="are not slices"):
        Slices(some)


def test_a_token_that_would_be_read_as_slices_is_not_made() -> None:
    with pytest.raises(ValueError, match="is the key of slices"):
        Token("colour=mono")


def test_the_tokens_are_those_that_quantities_may_have() -> None:
    assert {one for quantity in Quantity for one in quantity.tokens} == set(keys.TOKENS)


@given(st.data())
def test_what_a_quantity_may_have_is_written_with_the_grammar(data: st.DataObject) -> None:
    quantity = data.draw(st.sampled_from([one for one in Quantity if one.keys]))
    names = sorted(data.draw(st.sets(st.sampled_from(sorted(quantity.keys)), min_size=1)))
    values = [data.draw(st.from_regex(PART_VALUES[name], fullmatch=True)) for name in names]
    part = keys.write(Slices(tuple(zip(names, values, strict=True))))

    check_part(quantity, part)
    assert keys.read(part) == Slices(tuple(zip(names, values, strict=True)))


@given(texts)
def test_a_part_that_a_quantity_lacks_is_refused_and_named_whole(part: str) -> None:
    if part in ("", *Quantity.VOLTAGE.tokens):
        return
    with pytest.raises(PartError) as caught:
        check_part(Quantity.VOLTAGE, part)
    assert part in str(caught.value.what)
