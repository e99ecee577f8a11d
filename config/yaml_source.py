"""YAML text as plain values, with the location of each, and every syntax error. Pure.

Beside PyYAML's own rules:

* A key written twice is an error: YAML lets the second win, silently.
* Plain words follow YAML 1.2's core schema, so that ``label: No`` is a word and ``12:30`` is not
  a number of minutes; dates stay text.
* Anchors and aliases may be used, but their expansion is bounded (`NODE_LIMIT`,
  `DEPTH_LIMIT`), and tags and merge keys are refused.

Sources: YAML 1.2.2 section 10.3 (core schema), 3.2.1.3 (keys are unique).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from config.finding import Finding, SourceLocation, dotted

SIZE_LIMIT: Final = 262_144
"""Bytes of one file."""
NODE_LIMIT: Final = 50_000
"""Values in one file, aliases unfolded."""
DEPTH_LIMIT: Final = 12
"""Levels of nesting."""

Path = tuple[str | int, ...]

_TAG: Final = "tag:yaml.org,2002:"


class CoreLoader(yaml.SafeLoader):
    """PyYAML's parser with the core schema's plain words."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 # PyYAML's own class attribute


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?",
        list("-+.0123456789"),
    ),
):
    CoreLoader.add_implicit_resolver(_TAG + _tag, re.compile(rf"(?:{_pattern})$"), _first)


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed file.

    Attributes:
        file: The file's name in messages.
        data: Plain values; ``None`` when the text is not YAML at all.
        values: The location of each value.
        keys: The location of each value's key.
        findings: All syntax errors.
    """

    file: str
    data: Any = None
    values: dict[Path, SourceLocation] = field(default_factory=dict)
    keys: dict[Path, SourceLocation] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def location(self, path: Path, *, key: bool = False) -> SourceLocation:
        """The location of ``path``, else of the nearest enclosing setting that is written."""
        if key and path in self.keys:
            return self.keys[path]
        for length in range(len(path), -1, -1):
            if path[:length] in self.values:
                return self.values[path[:length]]
        return SourceLocation(file=self.file, line=1, column=1)


def parse(text: bytes, file: str) -> Source:
    """Parse ``text``. Never raises: syntax errors are in ``findings``."""
    source = Source(file)
    root = _compose(text, source)
    if root is None:
        return source
    reader = _Reader(source)
    try:
        data = reader.value(root, ())
    except _TooLargeError as error:
        source.findings.append(
            Finding(what=str(error), location=SourceLocation(file=file, line=1, column=1))
        )
        return source
    return Source(file, data, source.values, source.keys, source.findings)


def _compose(text: bytes, source: Source) -> yaml.Node | None:
    start = SourceLocation(file=source.file, line=1, column=1)
    if len(text) > SIZE_LIMIT:
        what = f"the file has more than {SIZE_LIMIT} bytes, which is more than is read"
        source.findings.append(Finding(what=what, location=start))
        return None
    try:
        loader = CoreLoader(text.decode("utf-8-sig"))
        root: yaml.Node | None = loader.get_single_node()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        column = error.start - (text.rfind(b"\n", 0, error.start) + 1) + 1
        at = SourceLocation(file=source.file, line=line, column=column)
        finding = Finding(what="the text is not UTF-8", next="save it as UTF-8", location=at)
    except yaml.reader.ReaderError as error:
        finding = Finding(what=f"a character YAML does not allow: {error.reason}", location=start)
    except yaml.MarkedYAMLError as error:
        finding = _syntax(error, source.file)
    except RecursionError:
        finding = Finding(what="the text nests too deeply", location=start)
    else:
        if root is not None:
            return root
        finding = Finding(
            what="the file is empty", next="start it with `version: 1`", location=start
        )
    source.findings.append(finding)
    return None


def _syntax(error: yaml.MarkedYAMLError, file: str) -> Finding:
    mark = error.problem_mark or error.context_mark
    at = SourceLocation(file=file, line=mark.line + 1, column=mark.column + 1) if mark else None
    return Finding(
        what=f"this is no YAML: {error.problem or error.context}",
        why=error.context or "",
        next="look at the indentation, colons and quotes around this place",
        location=at,
    )


class _TooLargeError(Exception):
    """The text expands to more than is read."""


class _Reader:
    """Turns YAML nodes into values and records their locations."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._nodes = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > NODE_LIMIT:
            raise _TooLargeError(f"the text unfolds to more than {NODE_LIMIT} values")
        if len(path) > DEPTH_LIMIT:
            raise _TooLargeError(f"the text nests more than {DEPTH_LIMIT} levels deep")
        self._source.values[path] = self._mark(node)
        if isinstance(node, yaml.MappingNode):
            self._check_tag(node, path, "map")
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            self._check_tag(node, path, "seq")
            return [self.value(child, (*path, i)) for i, child in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, child in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._found("a key must be a plain word", path, key_node)
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in result:
                first = self._source.keys[here]
                self._found(
                    f"the key {key!r} is written twice",
                    here,
                    key_node,
                    f"first in line {first.line}",
                )
                continue
            self._source.keys[here] = self._mark(key_node)
            result[key] = self.value(child, here)
        return result

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        text = str(node.value)
        match node.tag.removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int" if len(text) > 400:
                self._found("a number of more than 400 digits", path, node)
            case "int":
                return (
                    int(text, 8) if text.startswith("0o") else int(text, 16 if "x" in text else 10)
                )
            case "float":
                return float(text)
            case "str":
                return text
            case other:
                self._found(f"the tag {other!r} is not used here", path, node)
        return None

    def _check_tag(self, node: yaml.Node, path: Path, expected: str) -> None:
        if node.tag != _TAG + expected:
            self._found(f"the tag {node.tag!r} is not used here", path, node)

    def _found(self, what: str, path: Path, node: yaml.Node, why: str = "") -> None:
        finding = Finding(what=what, why=why, path=dotted(path), location=self._mark(node))
        self._source.findings.append(finding)

    def _mark(self, node: yaml.Node) -> SourceLocation:
        mark = node.start_mark
        return SourceLocation(file=self._source.file, line=mark.line + 1, column=mark.column + 1)
