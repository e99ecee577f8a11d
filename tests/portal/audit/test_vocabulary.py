"""Every action that is recorded has its word and can be filtered; so has every field it writes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

import pytest
from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import override

from console.catalogue import find
from console.templates import audit
from console.text import Template
from portal.accounts.joining import IDENTITY
from portal.accounts.models import DocumentKind
from portal.accounts.settings_pages import DetailsForm
from portal.accounts.sign_up_forms import NameForm
from portal.audit.vocabulary import ACTIONS, FIELDS, VALUES
from portal.environment.state_folder import PACKAGE
from portal.fleet.actions import ADDRESS
from portal.web.words import heading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NOT_ACTIONS: Final = ("audit.kind_", "audit.field_", "audit.value_")
_WRITERS: Final = {"record", "record_for"}
_PASSED_ON: Final = {"before", "after", "None"}
"""What a function hands on that was checked where it is called."""
_COMPUTED: Final[dict[str, Iterable[str]]] = {
    "{key: values[key] for key in IDENTITY}": IDENTITY,
    "{key: getattr(found, key) for key in changes}": IDENTITY,
    "changes": IDENTITY,
    "asked.changes if approve else before": IDENTITY,
    "{name: before[name] for name in changed}": {*DetailsForm.base_fields, *NameForm.base_fields},
    "{name: str(details[name]) for name in changed}": (),
    "settled": [import_string(path).name for path in settings.DEPARTURES],
    "_site_facts(was)": ("name", *ADDRESS, "coordinates", "closing_day"),
    "_site_facts(site) | ({'contact': 'changed'} if reached else {})": ("contact",),
    "_description(device)": ("name", "location", "group", "kind"),
}
"""The fields of a change that is no dictionary of its call, by the text of the expression."""


def _actions() -> dict[str, Template]:
    every = {name: one for name, one in vars(audit).items() if isinstance(one, Template)}
    return {name: one for name, one in every.items() if not one.id.startswith(_NOT_ACTIONS)}


def _changes() -> Iterator[tuple[str, ast.expr]]:
    """Where an action is recorded, and what it writes before and after."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            if getattr(node.func, "id", getattr(node.func, "attr", "")) not in _WRITERS:
                continue
            for word in node.keywords:
                if word.arg in {"before", "after"}:
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", word.value


def _fields(value: ast.expr) -> set[str]:
    """The fields of a change; fails for an expression that is neither known nor a dictionary."""
    if (text := ast.unparse(value)) in _COMPUTED:
        return set(_COMPUTED[text])
    if text in _PASSED_ON or isinstance(value, ast.Constant):
        return set()
    if isinstance(value, ast.IfExp):
        return _fields(value.body) | _fields(value.orelse)
    assert isinstance(value, ast.Dict), f"add what {text} holds to _COMPUTED"
    assert all(isinstance(key, ast.Constant) for key in value.keys), text
    return {str(key.value) for key in value.keys if isinstance(key, ast.Constant)}


def test_every_action_stands_in_the_filter_once_and_has_a_word_in_both_languages() -> None:
    assert {one.id for one in ACTIONS} == {one.id for one in _actions().values()}
    assert len(set(ACTIONS)) == len(ACTIONS)
    for action in ACTIONS:
        assert find(action.id) == action
        words = set()
        for language in ("en", "ja"):
            with override(language):
                words.add(heading(action()))
        assert len(words) == 2, action.id


def test_every_action_is_recorded_by_some_part_of_the_portal() -> None:
    sources = [path for path in PACKAGE.rglob("*.py") if path.name != "vocabulary.py"]
    texts = "\n".join(path.read_text("utf-8") for path in sources)
    for name in _actions():
        assert f"audit.{name}" in texts or f"import {name}" in texts, name


def test_every_field_that_an_action_writes_has_a_word() -> None:
    written: dict[str, str] = {}
    for where, value in _changes():
        written |= dict.fromkeys(_fields(value), where)
    assert {name: where for name, where in written.items() if name not in FIELDS} == {}
    assert {"department", "phone", "document", "version", "agent_keys", "hash"} <= written.keys()


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_the_word_of_a_field_is_japanese_on_a_japanese_page(name: str) -> None:
    with override("ja"):
        shown = heading(FIELDS[name]())
    assert not shown.isascii(), shown


def test_the_documents_are_named_and_not_shown_by_their_ids() -> None:
    assert {kind for field, kind in VALUES if field == "document"} == set(DocumentKind)
