"""Every text that a person reads, extracted from the sources with Babel.

Two catalogues, in ``locale/ja/LC_MESSAGES/`` of their package:

====== ============================ =========================================================
domain catalogue                    texts
====== ============================ =========================================================
kanmon console/locale/.../kanmon.po templates (`console.text.Template`), what the command lines
                                    look up (``tr``, ``plural``), the helps of their commands,
                                    click's own texts
django portal/locale/.../django.po  the portal's pages: ``gettext`` in Python and templates
====== ============================ =========================================================

Source: Babel, "Working with Message Catalogs"; Django, ``makemessages``.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from django.utils.translation.template import templatize

from console import localized

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = (
    "console",
    "config",
    "protocols",
    "drivers",
    "cloud_link",
    "provisioning",
    "gateway",
    "portal",
)
_CONSOLE_CALLS: Final[Mapping[str, Any]] = {
    "Template": {None: (2,), 3: (2, 3), 4: (2, 3)},  # 4: a comma at the end
    "tr": None,
    "tr_noop": None,
    "plural": (1, 2),
    "plural_noop": (1, 2),
}
_PAGE_CALLS: Final[Mapping[str, Any]] = {
    "_": None,
    "later": None,
    "gettext": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
}
_CLICK: Final = ("core", "exceptions", "decorators", "formatting", "termui", "types", "parser")
_CLICK_PROGRAMMERS: Final = (
    "(dynamic)",
    "Argument {name!r}",
    "Arguments take",
    "Boolean option",
    "Choice(",
    "Choose from",
    "Confirm the action",
    "Could not determine",
    "Could not open",
    "DeprecationWarning",
    "Did you mean",
    "Error: {message}",
    "Got unexpected",
    "Invalid start",
    "Invalid value",
    "Missing",
    "Name '",
    "No options defined",
    "No such",
    "Option {name!r}",
    "Press any key",
    "Takes ",
    "Try ",
    "Unknown color",
    "Value must be",
    "deprecated",
    "directory",
    "file",
    "path",
    "unknown error",
    "{len_type}",
    "{name} {filename!r}",
    "{value!r} ",
    "{value} is not in the range",
)
"""Beginnings of click's texts that only programmers see, or that our commands cannot show."""

Text = str | tuple[str, str]
"""A text, or its forms for one and for many."""


def extracted(domain: str) -> Catalog:
    """What the sources say in a domain, ``kanmon`` or ``django``, each text with its files."""
    found: dict[Text, set[str]] = {}
    for text, file in _kanmon() if domain == "kanmon" else _django():
        found.setdefault(text, set()).add(file)
    catalogue = Catalog(domain=domain, project="Kanmon", charset="utf-8", fuzzy=False)
    for text, files in sorted(found.items(), key=lambda item: (min(item[1]), str(item[0]))):
        # Line numbers would change with every edit; the files are enough to find a text by.
        catalogue.add(text, locations=[(file, 1) for file in sorted(files)])
    return catalogue


def programs() -> dict[str, click.Command]:
    """The root commands of both programs, by name."""
    return {
        "kanmon": importlib.import_module("gateway.cli.main").kanmon,
        "kanmon-portal": importlib.import_module("portal.cli.main").commands,
    }


def commands(
    root: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    """Every command and group of a tree, by its full name."""
    here = (*path, root.name or "")
    yield " ".join(here), root
    if isinstance(root, click.Group):
        context = click.Context(root)
        for name in root.list_commands(context):
            found = root.get_command(context, name)
            assert found is not None
            yield from commands(found, here)


def _kanmon() -> Iterator[tuple[Text, str]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for text in _in_python(path, _CONSOLE_CALLS):
                yield text, _name(path)
    for name, root in programs().items():
        for text in _helps(root):
            yield text, f"the help of {name}"
    folder = Path(click.__file__).parent
    for module in _CLICK:
        for text in _in_python(folder / f"{module}.py", {"_": None, "ngettext": (1, 2)}):
            if not (text if isinstance(text, str) else text[0]).startswith(_CLICK_PROGRAMMERS):
                yield text, "click"


def _django() -> Iterator[tuple[Text, str]]:
    for path in sorted((ROOT / "portal").rglob("*.py")):
        for text in _in_python(path, _PAGE_CALLS):
            yield text, _name(path)
    templates = ROOT / "portal"
    for path in sorted(
        [*templates.rglob("templates/**/*.html"), *templates.rglob("templates/**/*.txt")]
    ):
        # What is not a call is blanked by then; Babel's lexer for JavaScript ignores indentation.
        source = templatize(path.read_text("utf-8")).encode()
        for text in _in_source("javascript", source, _PAGE_CALLS):
            yield text, _name(path)


def _in_python(path: Path, calls: Mapping[str, Any]) -> Iterator[Text]:
    return _in_source("python", path.read_bytes(), calls)


def _in_source(method: str, source: bytes, calls: Mapping[str, Any]) -> Iterator[Text]:
    for _line, text, _comments, _context in extract(
        method, BytesIO(source), dict(calls), options={"encoding": "utf-8"}
    ):
        if isinstance(text, str):
            yield text
        else:
            yield (text[0], text[1])


def _helps(root: click.Command) -> Iterator[str]:
    for _path, command in commands(root):
        yield from filter(None, (localized.help_text(command), command.short_help, command.epilog))
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.help:
                yield parameter.help


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))
