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
from dataclasses import dataclass, field, replace
from typing import Any, Final

import yaml

from config.finding import Finding, SourceLocation, dotted
from config.look_alike import code_point
from config.yaml_faults import find_fault, key_fault, root_fault
from config.yaml_text import Fault, FaultFoundError, YamlText, decode
from console.templates import value as values
from console.templates import yaml as messages
from console.text import NO_MESSAGE, Message

SIZE_LIMIT: Final = 262_144
"""Bytes of one file."""
NODE_LIMIT: Final = 50_000
"""Values in one file, aliases unfolded."""
DEPTH_LIMIT: Final = 12
"""Levels of nesting."""

Path = tuple[str | int, ...]

_TAG: Final = "tag:yaml.org,2002:"
_ANCHOR: Final = re.compile(r"([*&])([^\s,\[\]{}]*)")
_QUOTES: Final = frozenset("'\"")
"""PyYAML's styles of quoted texts."""
_DIGITS: Final = 400
"""The most digits of a number."""


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
        quoted: The values that are texts in quotation marks.
        findings: All syntax errors.
    """

    file: str
    data: Any = None
    values: dict[Path, SourceLocation] = field(default_factory=dict)
    keys: dict[Path, SourceLocation] = field(default_factory=dict)
    quoted: set[Path] = field(default_factory=set)
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
    except FaultFoundError as found:
        source.findings[:] = [_finding(found.fault, file)]
        return source
    return replace(source, data=data)


def _compose(data: bytes, source: Source) -> yaml.Node | None:
    fault: Fault | None
    if len(data) > SIZE_LIMIT:
        what, step = messages.TOO_LARGE(limit=SIZE_LIMIT), messages.SHORTEN()
        fault = Fault(line=1, column=1, what=what, next=step)
        source.findings.append(_finding(fault, source.file))
        return None
    try:
        text = decode(data)
        root: yaml.Node | None = CoreLoader(text).get_single_node()
    except FaultFoundError as found:
        fault = found.fault
    except yaml.reader.ReaderError as error:
        fault = _character(error, text)
    except yaml.MarkedYAMLError as error:
        fault = _syntax(error, text)
    except RecursionError:
        what, step = messages.TOO_DEEP(), messages.NEST_LESS()
        fault = Fault(line=1, column=1, what=what, next=step)
    else:
        fault = None
        if isinstance(root, yaml.ScalarNode):
            fault = root_fault(text, root.start_mark.index)
        if root is not None and fault is None:
            return root
        fault = fault or Fault(line=1, column=1, what=messages.EMPTY(), next=messages.BEGIN())
    source.findings.append(_finding(fault, source.file))
    return None


def _finding(fault: Fault, file: str, path: Path = ()) -> Finding:
    location = SourceLocation(file=file, line=fault.line, column=fault.column)
    path_text = dotted(path)
    return Finding(
        what=fault.what, why=fault.why, next=fault.next, path=path_text, location=location
    )


def _character(error: yaml.reader.ReaderError, text: str) -> Fault:
    """The fault where a file holds a character that YAML does not allow."""
    before = YamlText(text)
    what = messages.CHARACTER(character=code_point(text[error.position]))
    return Fault(
        line=before.line(error.position),
        column=before.column(error.position) + 1,
        what=what,
        next=messages.REMOVE_CHARACTER(),
    )


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Fault:
    """The fault behind an error of the parser, whose own words and place say little."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if isinstance(error, yaml.composer.ComposerError):
        return _composition(error, text, line, column)
    fault = find_fault(text)
    if fault is not None and (fault.line, fault.column) <= (line, column):
        return fault
    return Fault(line=line, column=column, what=messages.SYNTAX(), next=messages.CHECK_LINE())


def _composition(error: yaml.composer.ComposerError, text: str, line: int, column: int) -> Fault:
    """The fault of a text that follows the syntax, but whose parts do not fit together."""
    found = _ANCHOR.match(text, error.problem_mark.index) if error.problem_mark else None
    what, why, step = messages.DOCUMENTS(), NO_MESSAGE, messages.REMOVE_DOCUMENT()
    if found and found[1] == "*":
        what, step = messages.ANCHOR_UNKNOWN(name=found[2]), messages.QUOTE_ASTERISK()
    elif found and found[1] == "&":
        first = error.context_mark.line + 1 if error.context_mark else line
        what, step = messages.ANCHOR_REPEATED(name=found[2]), messages.RENAME_ANCHOR()
        why = messages.FIRST_LINE(line=first)
    return Fault(line=line, column=column, what=what, why=why, next=step)


class _Reader:
    """Turns YAML nodes into values and records their locations."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._nodes = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > NODE_LIMIT:
            what, step = messages.TOO_MANY(limit=NODE_LIMIT), messages.FEWER_VALUES()
            raise FaultFoundError(Fault(line=1, column=1, what=what, next=step))
        if len(path) > DEPTH_LIMIT:
            at = self._mark(node)
            what, step = messages.TOO_DEEP_BY(limit=DEPTH_LIMIT), messages.NEST_LESS()
            raise FaultFoundError(Fault(line=at.line, column=at.column, what=what, next=step))
        self._source.values[path] = self._mark(node)
        if isinstance(node, yaml.MappingNode):
            self._check_tag(node, path, "map")
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            self._check_tag(node, path, "seq")
            return [self.value(child, (*path, i)) for i, child in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)  # there is no fourth kind
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, child in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._add(messages.KEY_NOT_TEXT(), path, key_node)
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key_node.tag == _TAG + "merge" or key == "<<":
                step = messages.COPY_SETTINGS()
                self._add(messages.MERGE_KEY(), here, key_node, step=step)
                continue
            self._check_key(key, key_node)
            if key in result:
                first = self._source.keys[here].line
                what, why = messages.KEY_REPEATED(key=key), messages.FIRST_LINE(line=first)
                self._add(what, here, key_node, why=why, step=values.REMOVE_ONE())
                continue
            self._source.keys[here] = self._mark(key_node)
            result[key] = self.value(child, here)
        return result

    def _check_key(self, key: str, node: yaml.ScalarNode) -> None:
        """Refuse a name that shows that its colon or a space is not what YAML knows as one."""
        found = key_fault(key)
        if found is None:
            return
        index, fault = found
        at = self._mark(node)
        column = at.column + index + (node.style in _QUOTES)
        raise FaultFoundError(replace(fault, line=at.line, column=column))

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = str(node.value)
        if node.style in _QUOTES:
            self._source.quoted.add(path)
        match node.tag.removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int" if len(text) > _DIGITS:
                what = messages.LONG_NUMBER(limit=_DIGITS)
                self._add(what, path, node, step=messages.SHORTEN_NUMBER())
            case "int":
                return (
                    int(text, 8) if text.startswith("0o") else int(text, 16 if "x" in text else 10)
                )
            case "float":
                return float(text)
            case "str":
                return text
            case _:
                self._add_tag(path, node)
        return None

    def _check_tag(self, node: yaml.Node, path: Path, expected: str) -> None:
        if node.tag != _TAG + expected:
            self._add_tag(path, node)

    def _add_tag(self, path: Path, node: yaml.Node) -> None:
        tag = str(node.tag).replace(_TAG, "!!")
        self._add(messages.TAG(tag=tag), path, node, step=messages.REMOVE_TAG())

    def _add(
        self,
        what: Message,
        path: Path,
        node: yaml.Node,
        *,
        why: Message = NO_MESSAGE,
        step: Message = NO_MESSAGE,
    ) -> None:
        at = self._mark(node)
        fault = Fault(line=at.line, column=at.column, what=what, why=why, next=step)
        self._source.findings.append(_finding(fault, self._source.file, path))

    def _mark(self, node: yaml.Node) -> SourceLocation:
        mark = node.start_mark
        return SourceLocation(file=self._source.file, line=mark.line + 1, column=mark.column + 1)
