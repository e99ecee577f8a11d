"""Parses a configuration file into a `Configuration`, with all findings at once. Pure.

::

    bytes -> yaml_source.parse -> migrate by `version` -> pydantic -> Configuration
                  |                    |                     |
                  +--------------------+---------------------+--> Finding*, in file order

A file of an older version is migrated here and nowhere else: `MIGRATIONS` maps a version to the
step that lifts a document to the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from config.constraint import ValidationIssue, settings_at
from config.finding import ConfigError, Finding, Level, dotted, position
from config.model import VERSION, Configuration
from config.time_zone import suggestions
from config.yaml_source import Path, Source, parse
from console.nearest import nearest
from console.text import Message

Migration = Callable[[dict[str, Any]], dict[str, Any]]

VALIDATOR: Final = TypeAdapter(Configuration)

MIGRATIONS: Final[Mapping[int, Migration]] = {}
"""From version n to n + 1. Empty while there is only one version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A configuration, and the source with the locations of its settings."""

    configuration: Configuration
    source: Source


def read(text: bytes, file: str) -> Configuration:
    """The configuration in ``text``; raises `ConfigError`. See `read_document`."""
    return read_document(text, file).configuration


def read_document(text: bytes, file: str) -> Document:
    """The configuration in ``text``, with the locations of its settings.

    Args:
        text: YAML, UTF-8.
        file: Its name, for the findings.

    Raises:
        ConfigError: With every finding, in the order of the file.
    """
    source = parse(text, file)
    findings = list(source.findings)
    configuration = None
    if isinstance(source.data, dict):
        configuration = _validate(source, findings)
    elif source.data is not None or not findings:
        found = Finding(
            what="the file holds no settings",
            next="start it with `version: 1`",
            location=source.location(()),
        )
        findings.append(found)
    if configuration is None or any(f.level is Level.ERROR for f in findings):
        raise ConfigError(tuple(sorted(findings, key=position)))
    return Document(configuration=configuration, source=source)


def migrate(
    document: dict[str, Any],
    *,
    target: int = VERSION,
    migrations: Mapping[int, Migration] = MIGRATIONS,
) -> dict[str, Any]:
    """Lift a document to version ``target``; one without a usable version is left as it is."""
    version = document.get("version")
    while isinstance(version, int) and version < target and version in migrations:
        document = {**migrations[version](document), "version": version + 1}
        version += 1
    return document


def _validate(source: Source, findings: list[Finding]) -> Configuration | None:
    problem = _version_finding(source)
    if problem is not None:
        findings.append(problem)
        return None
    try:
        return VALIDATOR.validate_python(migrate(source.data))
    except ValidationError as error:
        details = error.errors(include_url=False)
        findings.extend(_finding(detail, source) for detail in details)
        if not any(ValidationIssue.of(detail).kind == "duplicate" for detail in details):
            findings.extend(_duplicate_names(source))
    return None


def _duplicate_names(source: Source) -> list[Finding]:
    """Findings for duplicate names, which the model does not check while a device has others."""
    devices = source.data.get("devices")
    seen: set[str] = set()
    findings = []
    for index, device in enumerate(devices if isinstance(devices, list) else ()):
        name = device.get("name") if isinstance(device, dict) else None
        if isinstance(name, str) and name in seen:
            path: Path = ("devices", index, "name")
            what = f"a second device is named {name!r}"
            findings.append(Finding(what=what, path=dotted(path), location=source.location(path)))
        elif isinstance(name, str):
            seen.add(name)
    return findings


def _version_finding(source: Source) -> Finding | None:
    version = source.data.get("version")
    if "version" not in source.data:
        what, step = "no version is given", f"add the line `version: {VERSION}`"
    elif type(version) is not int or version < 1:
        what, step = f"{version!r} is no version", f"write `version: {VERSION}`"
    elif version > VERSION:
        what = f"version {version} is newer than this software, which knows up to {VERSION}"
        step = "update the software, or write the file in the older form"
    else:
        return None
    return Finding(what=what, next=step, path="version", location=source.location(("version",)))


_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "string_type": ("{given} is not text", "put it in quotes"),
    "bool_parsing": ("{given} is neither true nor false", "write true or false"),
    "bool_type": ("{given} is neither true nor false", "write true or false"),
    "int_parsing": ("{given} is no whole number", ""),
    "int_type": ("{given} is no whole number", ""),
    "int_from_float": ("{given} is no whole number", ""),
    "float_parsing": ("{given} is no number", ""),
    "float_type": ("{given} is no number", ""),
    "decimal_parsing": ("{given} is no number", ""),
    "decimal_type": ("{given} is no number", ""),
    "finite_number": ("{given} is no finite number", ""),
    "greater_than": ("{given} is too small", "it must be more than {gt}"),
    "greater_than_equal": ("{given} is too small", "it must be {ge} or more"),
    "less_than_equal": ("{given} is too large", "it may be {le} at most"),
    "string_too_long": ("the text is too long", "at most {max_length} characters are kept"),
    "too_long": ("there are too many", "at most {max_length} are allowed"),
    "literal_error": ("{given} is not one of the choices", "it may be {expected}"),
    "dataclass_type": ("{given} is no section", "write its settings below it, indented"),
    "tuple_type": ("{given} is no list", "write each entry on its own line, after a dash"),
}
"""Texts for pydantic's error types: the fact and the next step."""


def _finding(detail: ErrorDetails, source: Source) -> Finding:
    path: Path = tuple(detail["loc"])
    issue = ValidationIssue.of(detail)
    kind, context = issue.kind, issue.context
    path = (*path, *context.get("at", ()))
    what: Message | str = issue.message
    step = str(context.get("next", ""))
    if kind == "unexpected_keyword_argument":
        return _unknown_key(path, source)
    if kind == "missing":
        what, step = f"{path[-1]!r} is missing", f"add it to {_section(path)}"
    elif kind == "string_pattern_mismatch":
        what, step = _pattern_words(path, detail["input"])
    elif kind == "time_zone":
        step = _zone_step(suggestions(str(context.get("given"))))
    elif kind in _WORDS:
        words = {"given": _display(detail["input"]), **context}
        what, step = (text.format_map(words) for text in _WORDS[kind])
    return Finding(what=what, next=step, path=dotted(path), location=source.location(path))


def _unknown_key(path: Path, source: Source) -> Finding:
    known = settings_at(Configuration, path[:-1])
    step = _did_you_mean(str(path[-1]), known)
    return Finding(
        what=f"there is no setting {str(path[-1])!r} in {_section(path)}",
        next=step or f"it may hold {', '.join(known)}",
        path=dotted(path),
        location=source.location(path, key=True),
    )


def _did_you_mean(given: str, known: list[str]) -> str:
    found = nearest(given, known)
    return f"did you mean {found}?" if found else ""


def _zone_step(zones: Sequence[str]) -> str:
    if not zones:
        return "write an IANA name such as Asia/Tokyo, or UTC"
    named = ", ".join(zones)
    return f"did you mean one of {named}?" if len(zones) > 1 else f"did you mean {named}?"


def _section(path: Path) -> str:
    return dotted(path[:-1]) or "the file"


def _pattern_words(path: Path, given: object) -> tuple[str, str]:
    if path[-1] == "name":
        return f"{_display(given)} is no name", "use a to z, 0 to 9 and hyphens, at most 63"
    return f"{_display(given)} holds characters that cannot be shown", "take them out"


def _display(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    if isinstance(value, dict | list | tuple):
        return "a section" if isinstance(value, dict) else "a list"
    return text if len(text) <= 60 else text[:57] + "..."
