from __future__ import annotations

import re

import pytest

from console.language import sentence
from console.templates import code as texts
from console.templates import enrol
from provisioning.codes import CATALOGUE, Code, CodedError

FAMILIES = {11, 12, 13, 21, 22, 23, 24, 25, 26}


@pytest.mark.req("E-28")
@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_cause_and_a_next_step_in_both_languages(code: Code) -> None:
    entry = CATALOGUE[code]
    for text in (entry.cause, entry.next):
        assert re.fullmatch(r"[A-Z][ -~]+\.", sentence(text, "en"))
        assert re.search("[\u3040-\u30ff].*。$", sentence(text, "ja"))
    assert code.value // 100 in FAMILIES


def test_numbers_stand_in_order_and_once() -> None:
    assert list(CATALOGUE) == sorted(CATALOGUE)
    assert len(Code.__members__) == len(set(Code)) == len(CATALOGUE)


def test_the_numbers_never_change() -> None:
    """They are in manuals and in people's heads. New ones are added; none is changed."""
    assert {code.name: code.value for code in Code}.items() >= {
        "NAME_NOT_FOUND": 1101,
        "CLOCK_BEHIND": 1201,
        "OTHER_ROOT": 1301,
        "KEY_MISTYPED": 2101,
        "KEY_EXPIRED": 2105,
        "KEY_USED_UP": 2106,
        "NO_CONSENT": 2108,
        "BAD_CSR": 2302,
        "NOT_WRITABLE": 2401,
    }.items()


def test_an_error_says_number_cause_details_and_next_step() -> None:
    error = CodedError(Code.KEY_MISTYPED, why=enrol.GROUP(group=7))
    assert error.number == 2101
    assert error.what == texts.KEY_MISTYPED()
    assert str(error) == (
        "2101: a group of the agent key is mistyped; group 7 does not match its check character. "
        "Compare the named group with the key as issued, and correct it."
    )
