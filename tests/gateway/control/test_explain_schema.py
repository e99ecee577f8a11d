"""The schema of explanations, and explanations of printers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from drivers.replay import report_of_agent
from gateway.control import explain_schema
from gateway.control.explain import explanation
from protocols.snmp.replay import ReplayAgent
from tests.printer_walks import SYNTHETIC, synthetic

SCHEMA_FILE = Path(__file__).parents[3] / "docs" / "reference" / "why.schema.json"


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
