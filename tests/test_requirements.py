"""`scripts/requirements`: what counts as proven, and that the files it reads fit together."""

from __future__ import annotations

import json
import re
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


def test_what_is_required_and_not_proven_is_named_with_its_reason(tmp_path: Path) -> None:
    proofs = tmp_path / "proofs.json"
    outcomes = {"E-29": {"t": "passed"}, "E-30": {"u": "skipped"}, "C-20": {"v": "failed"}}
    proofs.write_text(json.dumps(outcomes), encoding="utf-8")
    module = script()
    ledger = module.load(proofs)
    assert module.lacking(ledger, ["E-29"]) == []
    skipped, failed, unnamed, otherwise = module.lacking(
        ledger, ["E-30", "E-29", "C-20", "E-31", "E-5"]
    )
    assert skipped.startswith("required, but not proven: E-30 ")
    assert skipped.endswith("[its tests were skipped: u]")
    assert failed.startswith("required, but FAILED: C-20 ")
    assert unnamed.startswith("required, but not proven: E-31 ")
    assert otherwise.startswith("required, but served otherwise: E-5 ")


def test_a_required_rule_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    module = script()
    with pytest.raises(SystemExit, match="no such rule: X-1"):
        module.lacking(module.load(tmp_path / "none.json"), ["E-29", "X-1"])


@pytest.mark.parametrize(
    ("results", "code"), [({"t": "passed"}, 0), ({"t": "skipped"}, 1), ({}, 1)]
)
def test_the_command_fails_where_a_required_rule_is_not_proven(
    tmp_path: Path, results: dict[str, str], code: int
) -> None:
    copy = tmp_path / "scripts" / "requirements"
    for path in (SCRIPT, ROOT / "docs/reference/requirements.toml",
                 ROOT / "docs/requirements-served.toml"):  # fmt: skip
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text("utf-8"), encoding="utf-8")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache/proofs.json").write_text(json.dumps({"E-29": results}), encoding="utf-8")
    command = [sys.executable, str(copy), "--summary", "--require", "E-29"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout
    assert ("required, but not proven: E-29" in done.stdout) == bool(code)


def test_the_full_run_requires_rules_that_exist_and_are_named_by_tests() -> None:
    listed = re.search(r"^required=(\S+)$", (ROOT / "scripts/test").read_text("utf-8"), re.M)
    assert listed
    named = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    module = script()
    ledger = module.load(ROOT / "none.json")
    for rule in module.rules(listed[1]):
        assert rule in ledger.titles
        assert f'mark.req("{rule}")' in named, rule


def test_pytest_writes_what_the_script_reads(tmp_path: Path) -> None:
    proofs = tmp_path / "proofs.json"
    test = "tests/drivers/test_report_json.py::"
    test += "test_a_value_that_could_not_be_had_is_null_with_its_reason"
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    run += ["--proofs", str(proofs)]
    assert subprocess.run(run, cwd=ROOT, capture_output=True, check=False).returncode == 0
    assert json.loads(proofs.read_text("utf-8")) == {"C-20": {test: "passed"}}
