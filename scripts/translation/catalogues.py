"""The ``.po`` files beside the sources: updated, checked and compiled with Babel."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT: Final = Path(__file__).parents[2]
PATHS: Final = {
    "kanmon": ROOT / "console" / "locale" / "ja" / "LC_MESSAGES" / "kanmon.po",
    "django": ROOT / "portal" / "locale" / "ja" / "LC_MESSAGES" / "django.po",
}
_DATE: Final = datetime(2026, 11, 30, tzinfo=UTC)
"""The date in every header: one that changed would be a conflict at each merge."""
_FIELD: Final = re.compile(r"\{(\w+)(?:![rs])?(?::[^{}]*)?\}|%\((\w+)\)[sd]")
"""A field with or without a conversion and a format: a translation may quote in its own way."""


def read(po: Path) -> Catalog:
    """The catalogue of a ``.po`` file; raises `babel.messages.pofile.PoFileError`."""
    with po.open("rb") as file:
        return read_po(file, locale="ja", abort_invalid=True)


def update(domain: str, found: Catalog) -> Catalog:
    """Write the file of a domain from what the sources say; returns the catalogue.

    Translations are kept by their exact text; a new text is added without one, a text that the
    sources no longer say is taken out.
    """
    po = PATHS[domain]
    catalogue = read(po)
    catalogue.update(found, no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    catalogue.header_comment = f"# The Japanese of {domain}; `scripts/texts` keeps it up to date."
    catalogue.project, catalogue.version = "Kanmon", "1"
    catalogue.last_translator = catalogue.language_team = catalogue.msgid_bugs_address = "Kanmon"
    catalogue.creation_date = catalogue.revision_date = _DATE
    write(catalogue, po)
    return catalogue


def write(catalogue: Catalog, po: Path) -> None:
    """Write a catalogue where its file would change."""
    content = BytesIO()
    write_po(content, catalogue, width=100, include_lineno=False, sort_by_file=True)
    if not po.exists() or content.getvalue() != po.read_bytes():
        po.write_bytes(content.getvalue())


def mistakes(domain: str, found: Catalog) -> list[str]:
    """What is wrong with the file of a domain: texts missing or left over, other fields."""
    catalogue = read(PATHS[domain])
    known, said = ({one.id: one for one in texts if one.id} for texts in (catalogue, found))
    wrong = [
        f"without a translation: {text!r}" for text in said if not _translated(known.get(text))
    ]
    wrong += [f"no longer in the sources: {text!r}" for text in known if text not in said]
    return wrong + [f"other fields: {text!r}" for text, one in known.items() if _differs(one)]


def _translated(message: Message | None) -> bool:
    if message is None or message.fuzzy:
        return False
    forms = _forms(message)
    return bool(forms) and all(forms)


def _forms(message: Message) -> tuple[str, ...]:
    string = message.string or ()
    return (string,) if isinstance(string, str) else tuple(string)


def _differs(message: Message) -> bool:
    """Whether a translation has other fields; one of two forms may lack ``n``."""
    if isinstance(message.id, str):
        return _fields(message.id) != _fields(str(message.string)) if message.string else False
    return any(not _fields(form) <= _fields(message.id[1]) for form in _forms(message))


def _fields(text: str) -> set[str]:
    return {brace or per_cent for brace, per_cent in _FIELD.findall(text)}


def compile_all(folder: Path = ROOT) -> list[Path]:
    """Write the ``.mo`` file beside each ``.po`` file, whole; returns what changed."""
    return [mo for po in sources(folder) if (mo := _compile(po))]


def sources(folder: Path = ROOT) -> Iterator[Path]:
    """Every ``.po`` file of the project."""
    for package in ("console", "portal"):
        yield from sorted((folder / package / "locale").glob("*/LC_MESSAGES/*.po"))


def _compile(po: Path) -> Path | None:
    mo = po.with_suffix(".mo")
    content = BytesIO()
    write_mo(content, read(po))
    if mo.exists() and mo.read_bytes() == content.getvalue():
        return None
    beside = mo.with_suffix(f".{os.getpid()}")
    beside.write_bytes(content.getvalue())
    beside.replace(mo)
    return mo
