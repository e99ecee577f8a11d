"""The house itself: what each package loads, what the wheel holds, whose names are whose."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "gateway",
    "provisioning",
    "cloud_link",
    "drivers",
    "protocols",
    "config",
    "console",
    "portal",
)

LOADED_BY = """
import importlib, sys
before = set(sys.modules)
importlib.import_module({name!r})
import threading
assert threading.active_count() == 1, threading.enumerate()
print(*sorted({{module.partition(".")[0] for module in set(sys.modules) - before}}))
"""


def loaded_by(module: str) -> set[str]:
    """The top-level names that importing ``module`` brings into a fresh interpreter."""
    answer = subprocess.run(
        [sys.executable, "-c", LOADED_BY.format(name=module)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return set(answer.stdout.split())


@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_distribution_provides_our_names(name: str) -> None:
    owners = set(packages_distributions().get(name, ["kanmon"]))
    assert owners == {"kanmon"}, f"{owners} also install a top-level {name!r}: one of them wins"


@pytest.mark.parametrize(
    "module",
    [
        "cloud_link.topics",
        "drivers.condition",
        "drivers.quantity",
        "drivers.report",
        "drivers.report_json",
        "drivers.report_reader",
    ],
)
def test_the_vocabulary_needs_only_the_standard_library(module: str) -> None:
    ours = {"console", "drivers", "cloud_link"}
    assert loaded_by(module) - set(sys.stdlib_module_names) <= ours


def test_a_message_needs_no_catalogue_of_translations() -> None:
    assert loaded_by("console.catalogue") - set(sys.stdlib_module_names) == {"console"}
    assert "gettext" not in loaded_by("console.catalogue")


@pytest.mark.parametrize(
    "module", ["cloud_link.wire", "cloud_link.records", "cloud_link.columns", "cloud_link.ranges"]
)
def test_the_wire_loads_msgspec_and_nothing_that_does_io(module: str) -> None:
    loaded = loaded_by(module)
    assert loaded - set(sys.stdlib_module_names) <= {
        "cloud_link",
        "console",
        "drivers",
        "msgspec",
        "typing_extensions",
    }
    assert not loaded & {"asyncio", "socket", "sqlite3", "multiprocessing"}


@pytest.mark.parametrize("module", ["provisioning.agent_key", "provisioning.codes"])
def test_an_agent_key_needs_only_the_standard_library(module: str) -> None:
    assert loaded_by(module) - set(sys.stdlib_module_names) <= {"console", "provisioning"}


@pytest.mark.parametrize("module", ["provisioning.enrolment_store", "gateway.daemon"])
def test_the_daemon_knows_its_name_without_cryptography(module: str) -> None:
    assert "cryptography" not in loaded_by(module)


def test_the_settings_load_no_device_and_no_network_library() -> None:
    loaded = loaded_by("config.model")
    forbidden = {"paho", "pymodbus", "serial", "aiohttp", "asyncio", "sqlite3", "django"}
    assert not loaded & (forbidden | {"cloud_link", "drivers", "protocols", "gateway"})


def initialisers() -> list[Path]:
    """Every ``__init__.py`` of ours that a person wrote."""
    return sorted(
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
        if "migrations" not in path.parts
    )


@pytest.mark.parametrize("path", initialisers(), ids=lambda path: str(path.relative_to(ROOT)))
def test_an_init_says_what_lives_there_and_nothing_else(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree), "an __init__ says what lives in its folder"
    if path.parent.name == "models":  # Django looks for the models of an app in this module
        rest = [node for node in tree.body[1:] if not isinstance(node, ast.ImportFrom)]
        assert [ast.unparse(node).split(" =")[0] for node in rest] == ["__all__"]
        return
    assert len(tree.body) == 1, "an __init__ holds only its docstring: imports in it escape lint"


def docstring(path: Path) -> str:
    """What an ``__init__.py`` says."""
    return ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""


@pytest.mark.parametrize("path", initialisers(), ids=lambda path: str(path.relative_to(ROOT)))
def test_an_init_names_modules_that_exist(path: Path) -> None:
    named = re.findall(r"(?<!`)`([a-z_]+)`(?!`)", docstring(path))
    tops = {folder.name for folder in ROOT.iterdir() if folder.is_dir()}
    apps = {folder.name for folder in (ROOT / "portal").iterdir() if folder.is_dir()}
    beside = {entry.name.removesuffix(".py") for entry in path.parent.iterdir()}
    assert set(named) - beside - tops - apps == set()


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


PACKAGES_OF_OURS = [path for path in initialisers() if path.parent.name != "templatetags"]


@pytest.mark.parametrize("path", PACKAGES_OF_OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_init_says_who_may_import_it(path: Path, imports: grimp.ImportGraph) -> None:
    said = re.search(r"[Ii]mported by ((?:[^.]|\.(?=[a-z_`]))*)\.", docstring(path))
    if "May be imported by every package" in docstring(path):
        return
    assert said, "say who may import this package: 'May be imported by `x` and `y.z`.'"
    allowed = re.findall(r"`([a-z_.]+)`", said[1]) + ["portal"] * ("every app" in said[1])
    package = ".".join(path.parent.relative_to(ROOT).parts)
    importers = {
        importer
        for module in {package, *imports.find_descendants(package)}
        for importer in imports.find_modules_that_directly_import(module)
        if not f"{importer}.".startswith(f"{package}.")
    }
    wrong = {
        importer
        for importer in importers
        if not any(f"{importer}.".startswith(f"{name}.") for name in allowed)
    }
    assert wrong == set()


_FRAGMENT = re.compile(r"(As|By|Of|For|Its|Their|The same|Likewise|Whose|Whoever|Whatever)\b")
_SHORT = 7
"""Words below which a docstring that begins so names no subject of its own."""


def test_docstrings_name_their_subject() -> None:
    sources = [
        path for package in (*PACKAGES, "scripts") for path in (ROOT / package).rglob("*.py")
    ]
    assert len(sources) > 300
    fragments = [
        f"{path.relative_to(ROOT)}:{node.lineno} {summary}"
        for path in sources
        if "migrations" not in path.parts
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for summary in (ast.get_docstring(node) or "").split("\n")[:1]
        if _FRAGMENT.match(summary) and len(summary.split()) < _SHORT
    ]
    assert fragments == []


def fixtures(conftest: Path) -> set[str]:
    functions = [
        each for each in ast.parse(conftest.read_text()).body if isinstance(each, ast.FunctionDef)
    ]
    return {
        each.name
        for each in functions
        if any("fixture" in ast.unparse(decorator) for decorator in each.decorator_list)
    }


def test_no_folder_of_tests_redefines_a_fixture_of_an_enclosing_folder() -> None:
    """A module may, because the reader sees it; a folder would change other modules' fixtures."""
    found = {path.parent: fixtures(path) for path in ROOT.glob("tests/**/conftest.py")}
    assert len(found) > 5
    hidden = {
        f"{folder.relative_to(ROOT)}: {name}"
        for folder, names in found.items()
        for outer in folder.parents
        for name in names & found.get(outer, set())
    }
    assert not hidden


def test_the_wheel_holds_the_packages_and_no_state(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    answer = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    beside = (".data", ".dist-info")
    assert {top for top in tops if not top.endswith(beside)} == set(PACKAGES)
    manuals = {name.partition("/share/")[2] for name in names if ".data/" in name}
    folders = ("man/man1", "man/ja/man1")
    programs = ("kanmon", "kanmon-portal")
    assert manuals == {f"{folder}/{program}.1" for folder in folders for program in programs}
    assert {"console/locale/ja/LC_MESSAGES/kanmon.mo"} <= {*names}
    service_files = {path.relative_to(ROOT) for path in (ROOT / "gateway/install/files").iterdir()}
    assert len(service_files) == 3
    assert set(map(str, service_files)) <= {*names}
    suspicious = (".sqlite3", ".sqlite3-wal", ".key", ".pem", ".log", ".pyc", ".pcapng")
    assert [name for name in names if name.endswith(suspicious)] == []
    assert any(name.endswith("licenses/LICENSE") for name in names)
