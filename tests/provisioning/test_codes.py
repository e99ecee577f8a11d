from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from provisioning.codes import CATALOGUE, Code, CodedError, markdown

ROOT = Path(__file__).parents[2]
FAMILIES = {11, 12, 13, 21, 22, 23, 24, 25, 26}


@pytest.mark.req("E-28")
@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_cause_and_a_next_step_in_both_languages(code: Code) -> None:
    entry = CATALOGUE[code]
    for english in (entry.cause_en, entry.next_en):
        assert re.fullmatch(r"[A-Z][ -~]+\.", english)
    for japanese in (entry.cause_ja, entry.next_ja):
        assert re.search("[\u3040-\u30ff]", japanese)
        assert re.search(r"。(（.+）。)?$", japanese)
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


def test_an_error_says_number_cause_detail_and_next_step() -> None:
    error = CodedError(Code.KEY_MISTYPED, "group 7")
    assert str(error).startswith("2101: A group of the agent key is mistyped. (group 7) Compare")
    told = json.loads(json.dumps(error.to_json()))
    assert told["code"] == 2101
    assert told["detail"] == "group 7"
    assert set(told["cause"]) == set(told["next"]) == {"en", "ja"}


def test_the_page_of_the_documentation_is_this_catalogue() -> None:
    page = (ROOT / "docs" / "reference" / "codes.md").read_text("utf-8")
    assert page == markdown(), "write it again: python -m provisioning.codes"
