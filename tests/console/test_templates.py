"""Every template of the project: its id, its arguments, and hostile values in both languages."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console import catalogue, language, templates
from console.output import plain_line
from console.text import Argument, Template, Translations, one_line, verbatim
from scripts.translation import extraction
from tests.console.hostile import HOSTILE

JAPANESE = language.translations("ja")
AREAS = sorted(module.name for module in pkgutil.iter_modules(templates.__path__))
VALUES = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=8), min_size=1, max_size=6).map(
    "".join
)


@cache
def sources() -> list[tuple[Path, ast.Module]]:
    """The product's modules, parsed."""
    return [
        (path, ast.parse(path.read_text("utf-8")))
        for package in extraction.PACKAGES
        for path in sorted((extraction.ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
    ]


def module_of(path: Path) -> ModuleType:
    name = ".".join(path.relative_to(extraction.ROOT).with_suffix("").parts)
    return importlib.import_module(name.removesuffix(".__init__"))


def has_templates(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Template"
        for node in ast.walk(tree)
    )


@cache
def declared() -> dict[str, Template]:
    """Every template that a module declares, by module and name."""
    found = {}
    for path, tree in sources():
        if has_templates(tree):
            module = module_of(path)
            for name, value in vars(module).items():
                if isinstance(value, Template) and not name.startswith("__"):
                    found[f"{module.__name__}.{name}"] = value
    return found


def all_templates() -> list[Template]:
    return list({template.id: template for template in declared().values()}.values())


def test_the_areas_are_the_modules_and_every_id_is_found_again() -> None:
    assert set(AREAS) == catalogue.AREAS
    for area in AREAS:
        for name, value in vars(importlib.import_module(f"console.templates.{area}")).items():
            if isinstance(value, Template):
                assert value.id == f"{area}.{name.lower()}"
                assert catalogue.find(value.id) is value


def test_every_template_is_used() -> None:
    """By its name, in the product's sources; setup codes are found by the number's name."""
    used = {
        name
        for _path, tree in sources()
        for node in ast.walk(tree)
        if (name := getattr(node, "attr", None) or _loaded(node))
    }
    unused = [
        place
        for place, template in declared().items()
        if place.rpartition(".")[2] not in used and not template.id.startswith("code.")
    ]
    assert unused == []


def _loaded(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) else ""


def test_an_id_names_one_template() -> None:
    by_id: dict[str, Template] = {}
    for place, template in declared().items():
        known = by_id.setdefault(template.id, template)
        assert known == template, place


def test_a_template_is_a_clause_without_formats() -> None:
    for place, template in declared().items():
        if template.id.startswith("text."):
            continue  # the punctuation itself
        for text in filter(None, (template.text, template.plural)):
            assert not text.endswith("."), f"{place}: the reader adds the full stop"
            assert "{}" not in text, place
            assert "!r}" not in text, place
            assert "is no " not in text, f"{place}: write 'is not a' or 'invalid'"


def test_every_call_passes_the_templates_arguments() -> None:
    """Found in the sources, so that no message fails only when it is needed."""
    checked = 0
    for path, tree in sources():
        for node, template in _calls(path, tree):
            given_names = {keyword.arg for keyword in node.keywords}
            assert not node.args, f"{path}:{node.lineno}"
            assert given_names == template.fields, f"{path}:{node.lineno}: {template.id}"
            checked += 1
    assert checked > 20


def _calls(path: Path, tree: ast.Module) -> Iterator[tuple[ast.Call, Template]]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [node for node in calls if _constant(node.func)]
    if not named:
        return
    local = _imports(tree)
    module = module_of(path)
    for node in named:
        found = _resolve(node.func, module, local)
        if isinstance(found, Template) and not any(k.arg is None for k in node.keywords):
            yield node, found


def _constant(function: ast.expr) -> bool:
    name = str(getattr(function, "attr", None) or getattr(function, "id", ""))
    return name.isupper() and len(name) > 1


def _imports(tree: ast.Module) -> dict[str, object]:
    """What functions import within them, which is not among a module's names."""
    found: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module.split(".")[0] not in extraction.PACKAGES:
                continue
            for alias in node.names:
                module = importlib.import_module(node.module)
                value = getattr(module, alias.name, None)
                if value is None:
                    try:
                        value = importlib.import_module(f"{node.module}.{alias.name}")
                    except ImportError:
                        continue
                found[alias.asname or alias.name] = value
    return found


def _resolve(function: ast.expr, module: ModuleType, local: dict[str, object]) -> object:
    if isinstance(function, ast.Name):
        return getattr(module, function.id, local.get(function.id))
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        owner = getattr(module, function.value.id, local.get(function.value.id))
        return getattr(owner, function.attr, None)
    return None


@pytest.mark.parametrize("translations", [language.translations("en"), JAPANESE], ids=["en", "ja"])
@settings(deadline=None)
@given(values=st.lists(VALUES, min_size=8, max_size=8))
def test_hostile_arguments_stay_as_they_are_and_in_one_piece(
    translations: Translations, values: list[str]
) -> None:
    for template in all_templates():
        names = sorted(template.fields - {"n"})
        args: dict[str, Argument] = dict(zip(names, values, strict=False))
        if template.plural:
            args["n"] = 3
        elif "n" in template.fields:
            args["n"] = values[-1]
        assert len(names) <= len(values), template.id
        message = template(**args)
        for said in (message.format(translations), message.sentence(translations)):
            for name, value in args.items():
                assert str(value) in said, (template.id, name)
        travelled = catalogue.decode(message.to_json())
        for name, value in args.items():
            assert str(value) in travelled.format(translations), (template.id, name)


@settings(deadline=None)
@given(values=st.lists(VALUES, min_size=4, max_size=4))
def test_a_line_for_a_person_keeps_each_part_in_one_piece(values: list[str]) -> None:
    where, *rest = values
    what, why, step = (verbatim(value) for value in rest)
    for translations in (language.translations("en"), JAPANESE):
        line = plain_line(one_line(where, what, why, step, translations))
        assert "\n" not in line
        assert "\x1b" not in line
        for value in values:
            assert plain_line(value) in line


def test_no_two_templates_of_a_catalogue_say_the_same() -> None:
    """One fact, one id: but a next step is named by the code that it is for."""
    by_text: dict[tuple[str, str], set[str]] = {}
    for area in sorted(catalogue.AREAS - {"next_step"}):
        for value in vars(importlib.import_module(f"console.templates.{area}")).values():
            if isinstance(value, Template):
                by_text.setdefault((value.text, value.plural), set()).add(value.id)
    assert [ids for ids in by_text.values() if len(ids) > 1] == []
