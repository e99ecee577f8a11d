from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from config.schema import schema_text

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "config.schema.json"


def test_the_reference_is_the_code() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == schema_text(), (
        "write it again: python -c 'from config.schema import schema_text; "
        f'print(schema_text(), end="")\' > {REFERENCE}'
    )


def test_the_schema_is_one_and_takes_the_designs_example() -> None:
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    document = {
        "version": 1,
        "site": {"time_zone": "Asia/Tokyo"},
        "gateway": {"label": "Plant room", "heartbeat_s": 300, "health_s": 60},
        "cloud": {"broker": "mqtt://127.0.0.1:1883", "mqtt": "5"},
        "spool": {"cap_mb": 256, "gap_reserve_mb": 4, "reserve_file_mb": 8, "retained_h": 48},
        "devices": [{"name": "main-incomer", "url": "modbus-tcp://h/?unit=1", "every_s": 1}],
    }
    jsonschema.validate(document, schema)


@pytest.mark.parametrize(
    ("ratio", "valid"),
    [("200/5", True), (40, True), ("0.5", True), ("200:5", False), ("-200/5", False), (0, False)],
)
def test_the_schema_takes_a_ratio_as_the_reader_does(ratio: object, valid: bool) -> None:
    device = {"name": "main", "url": "modbus-tcp://h/?unit=1", "current_ratio": ratio}
    document = {"version": 1, "site": {"time_zone": "UTC"}, "devices": [device]}
    validator = jsonschema.Draft202012Validator(json.loads(schema_text()))
    assert validator.is_valid(document) is valid


def test_importing_the_model_loads_nothing_that_runs() -> None:
    code = (
        "import sys, threading, config.model\n"
        "bad = {'paho', 'pymodbus', 'yaml', 'asyncio', 'structlog'} & set(sys.modules)\n"
        "assert not bad, bad\n"
        "assert threading.active_count() == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
