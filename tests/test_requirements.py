"""`scripts/requirements`: what counts as proven, and that the files it reads fit together."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "requirements"


def script() -> Any:
    """The script as a module; it has no suffix, because a person types its name."""
    loader = SourceFileLoader("requirements_script", str(SCRIPT))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[loader.name] = module  # dataclasses look their module up
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("outcomes", "standing"),
    [
        ({"a": "passed"}, "proven"),
        ({"a": "passed", "b": "skipped"}, "proven"),
        ({"a": "passed", "b": "failed"}, "FAILED"),
        ({"a": "error"}, "FAILED"),
        ({"a": "skipped"}, "not proven"),
        ({}, "not proven"),
    ],
)
def test_one_pass_proves_and_one_failure_disproves(outcomes: dict[str, str], standing: str) -> None:
    ledger = script().Ledger(titles={"C-20": "t"}, outcomes={"C-20": outcomes}, served={})
    assert ledger.standing("C-20") == standing


def test_a_rule_served_otherwise_says_by_which_and_why(tmp_path: Path) -> None:
    proofs = tmp_path / "proofs.json"
    proofs.write_text(json.dumps({"K-1": {"t": "passed"}}), encoding="utf-8")
    ledger = script().load(proofs)
    assert ledger.standing("E-5") == "served otherwise"
    assert ledger.why("E-5").startswith("by K-1 (proven): one password policy")


def test_a_proof_of_an_unknown_rule_is_refused(tmp_path: Path) -> None:
    proofs = tmp_path / "proofs.json"
    proofs.write_text(json.dumps({"X-1": {"t": "passed"}}), encoding="utf-8")
    with pytest.raises(SystemExit, match="no such rule: X-1"):
        script().load(proofs)


def test_the_ledger_prints_without_any_results(tmp_path: Path) -> None:
    code = script().show(script().load(tmp_path / "none.json"), summary=False)
    assert code == 0


def test_pytest_writes_what_the_script_reads(tmp_path: Path) -> None:
    proofs = tmp_path / "proofs.json"
    test = "tests/drivers/test_report_json.py::"
    test += "test_a_value_that_could_not_be_had_is_null_with_its_reason"
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    run += ["--proofs", str(proofs)]
    assert subprocess.run(run, cwd=ROOT, capture_output=True, check=False).returncode == 0
    assert json.loads(proofs.read_text("utf-8")) == {"C-20": {test: "passed"}}
