"""What evidence is called on a Japanese console."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from console import language
from drivers.replay import report_of_agent
from gateway.cli import part_words
from gateway.control import explain_schema
from gateway.control.explain import explanation
from protocols.snmp.replay import ReplayAgent
from tests.printer_walks import SYNTHETIC, synthetic

SCHEMA_FILE = Path(__file__).parents[3] / "docs" / "reference" / "why.schema.json"


@pytest.fixture
def japanese() -> Iterator[None]:
    language.use("ja")
    yield
    language.use("en")


@pytest.mark.usefixtures("japanese")
def test_what_was_made_of_evidence_is_said_and_what_came_stays() -> None:
    alert = "prtAlertTable.11 severity 3, code 8 jam -> class STOP, field service, service_call"

    assert part_words.evidence(alert) == (
        "prtAlertTable.11 severity 3, code 8 jam -> 分類STOP, 保守員のみが対応可能, サービスコール"
    )
    assert part_words.evidence("0x2404 bit 5 jammed -> error") == "0x2404 bit 5 jammed -> エラー"
    assert part_words.evidence("holding 1 = 0x2 -> profile a-b") == (
        "holding 1 = 0x2 -> プロファイルa-b"
    )
    assert part_words.evidence("level 0 of 550") == "level 0 of 550"


def test_in_english_everything_stays() -> None:
    assert part_words.evidence("x -> class HW, field service, error") == (
        "x -> class HW, field service, error"
    )


def test_the_schema_file_is_the_code_s() -> None:
    Draft202012Validator.check_schema(explain_schema.schema())
    assert SCHEMA_FILE.read_text("utf-8") == explain_schema.as_text(), (
        "run python -m gateway.control.explain_schema > docs/reference/why.schema.json"
    )


@pytest.mark.parametrize("name", SYNTHETIC)
async def test_every_explanation_fits_the_schema(name: str) -> None:
    told = explanation(await report_of_agent(name, ReplayAgent(synthetic(name))))

    plain = json.loads(json.dumps(told))
    assert not list(Draft202012Validator(explain_schema.schema()).iter_errors(plain))
