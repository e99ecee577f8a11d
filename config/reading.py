"""Parses a configuration file into a `Configuration`, with all findings at once. Pure.

::

    bytes -> yaml_source.parse -> migrate by `version` -> pydantic -> Configuration
                  |                    |                     |
                  +--------------------+---------------------+--> Finding*, in file order

A file of an older version is migrated here and nowhere else: `MIGRATIONS` maps a version to the
step that lifts a document to the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from config.constraint import ValidationIssue, given_value, settings_at
from config.finding import ConfigError, Finding, Level, fold
from config.model import VERSION, Configuration
from config.setting_faults import SettingFault, describe, located
from config.yaml_faults import value_fault
from config.yaml_source import Path, Source, parse
from console.templates import config as messages
from console.templates import yaml

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
        what, step = yaml.NO_SETTINGS(), yaml.BEGIN()
        findings.append(Finding(what=what, next=step, location=source.location(())))
    if configuration is None or any(f.level is Level.ERROR for f in findings):
        raise ConfigError(fold(findings))
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
    data = source.data
    if problem is not None:
        findings.append(problem)
        if problem.what.id == messages.NEWER_VERSION.id:
            return None
        data = {**data, "version": VERSION}  # so that all else is checked, too
    try:
        return VALIDATOR.validate_python(migrate(data))
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
            found = SettingFault(
                path=path,
                what=messages.DUPLICATE_NAME(name=name),
                next=messages.DISTINCT_NAMES(),
            )
            findings.append(located(found, source))
        elif isinstance(name, str):
            seen.add(name)
    return findings


def _version_finding(source: Source) -> Finding | None:
    version = source.data.get("version")
    if "version" not in source.data:
        what, step = messages.VERSION_MISSING(), messages.ADD_VERSION(version=VERSION)
    elif type(version) is not int or version < 1:
        what = messages.INVALID_VERSION(given=given_value(version))
        step = yaml.WRITE_SETTING(setting=f"version: {VERSION}")
        typed = value_fault(version) if isinstance(version, str) else None
        if typed:  # １
            what, step = typed[1].what, typed[1].next
    elif version > VERSION:
        what = messages.NEWER_VERSION(version=version, supported=VERSION)
        step = messages.UPDATE(supported=VERSION)
    else:
        return None
    return located(SettingFault(path=("version",), what=what, next=step), source)


def _finding(detail: ErrorDetails, source: Source) -> Finding:
    """What pydantic found, at its place in the file."""
    issue = ValidationIssue.of(detail)
    fault = describe(detail, issue, Configuration)
    if issue.kind == "unexpected_keyword_argument":
        fault = _misplaced(fault, source) or fault
    return located(fault, source)


def _misplaced(fault: SettingFault, source: Source) -> SettingFault | None:
    """The fault of a setting that is written beside its section instead of within it."""
    if len(fault.path) != 1:
        return None
    name = str(fault.path[0])
    for section in settings_at(Configuration, ()):
        empty = section in source.data and source.data[section] is None
        if empty and name in settings_at(Configuration, (section,)):
            return replace(fault, next=messages.INDENT_BELOW(section=section))
    return None
