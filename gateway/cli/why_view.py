"""Prints the explanation of a device's conditions for a person on a console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.cells import cell_len, set_cell_size

from console.language import tr, translate
from gateway.cli import part_words, words
from gateway.cli.common import say


def show(document: Mapping[str, Any]) -> None:
    """Print what `gateway.control.explain.explanation` returns."""
    say(words.device(document["device"], document["reachability"], document["state"]))
    if not document["conditions"]:
        say(tr(words.NOTHING_WRONG))
    for condition in document["conditions"]:
        _show(condition)


def _show(condition: Mapping[str, Any]) -> None:
    where = (condition["severity"], condition["code"], condition["component"])
    say(f"\n{words.condition(*where, words.message(condition['message']))}")
    rows = [(tr("since"), _since(condition))]
    if condition["next"]:
        rows.append((tr("next"), translate(condition["next"])))
    labels = [tr("because"), *[""] * (len(condition["evidence"]) - 1)]
    rows += zip(labels, map(part_words.evidence, condition["evidence"]), strict=False)
    width = max(cell_len(label) for label, _ in rows) + 2
    for label, text in rows:
        head = f"{label}:" if label else ""
        say(f"  {set_cell_size(head, width)}{text}")


def _since(condition: Mapping[str, Any]) -> str:
    for_s, since = condition["for_s"], condition["since"]
    if for_s is None:
        return tr(words.BEFORE_START)
    if not for_s:
        return tr(words.JUST_SEEN)
    return f"{since} ({words.age(for_s)})" if since else words.age(for_s)
