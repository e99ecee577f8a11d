"""Every message the portal's sources ask a translation for, found without the gettext programs."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from django.utils.translation.template import templatize

from portal.environment.state_folder import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CALLS = {"_", "later", "gettext", "gettext_lazy", "_l"}
_PLURAL_CALLS = {"ngettext", "ngettext_lazy"}


def messages() -> dict[str, list[str]]:
    """Each message's key, as `console.catalogue.Entry.key` spells it, and the files that use it."""
    found: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        _collect(path.read_text("utf-8"), path, found)
    for path in sorted(PACKAGE.rglob("templates/**/*.html")):
        for code in _calls_of(templatize(path.read_text("utf-8"))):
            _collect(code, path, found)
    return found


def _collect(source: str, path: Path, found: dict[str, list[str]]) -> None:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            words = [a.value for a in node.args if isinstance(a, ast.Constant)]
            texts = [word for word in words if isinstance(word, str)]
            if node.func.id in _CALLS and texts:
                found.setdefault(texts[0], []).append(path.name)
            elif node.func.id in _PLURAL_CALLS and len(texts) == 2:
                found.setdefault("\x00".join(texts), []).append(path.name)


def _calls_of(templatized: str) -> Iterator[str]:
    """The calls among the X's that `templatize` leaves of a template, one at a time."""
    for name in ("ngettext(", "gettext(", "_("):
        start = templatized.find(name)
        while start >= 0:
            boundary = start == 0 or not (templatized[start - 1].isalnum())
            end = templatized.find(")", start)
            while boundary and end >= 0:
                try:
                    ast.parse(templatized[start : end + 1].strip())
                except SyntaxError:
                    end = templatized.find(")", end + 1)
                    continue
                yield templatized[start : end + 1]
                break
            start = templatized.find(name, start + 1)
