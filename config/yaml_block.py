"""Scans the lines of a YAML file for the first fault of their structure. Pure.

See `config.yaml_faults`, which says what it is for, and `config.yaml_flow` for what is between
brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from config.look_alike import ascii_of, is_dash, is_other_space, to_ascii
from config.yaml_flow import (
    FORBIDDEN_FIRST,
    OPENING,
    PAIRS,
    FlowScanner,
    fault_after_quote,
    scan_quoted,
)
from config.yaml_text import BREAK, FaultFoundError, YamlText
from console.templates import yaml as messages
from console.text import Message

_KEY_END: Final = re.compile(r":(?=[ \t\n\r]|$)|[ \t]#|[\n\r]")
_INNER_COLON: Final = re.compile(r":(?=[ \t]|$)")
_COMMENT: Final = re.compile(r"[ \t]#")
_PROPERTY: Final = re.compile(r"[&!][^\s,\[\]{}]*[ ]*")
_BLOCK_SCALAR: Final = re.compile(r"[|>][-+0-9]*[ ]*(?:#.*)?$")
_WORD: Final = r"[A-Za-z_][\w-]*"
DASH_WITHOUT_SPACE: Final = re.compile(rf"-(?={_WORD})", re.ASCII)
"""``-name``, which YAML takes as a name."""
_WIDE_COLON: Final = re.compile(rf"[\"']?{_WORD}[\"']?\s*([：∶])", re.ASCII)
NO_SPACE: Final = re.compile(rf"({_WORD}):(\S.*)", re.ASCII)
"""``name:value``, which YAML takes as one text."""
_NO_COLON: Final = re.compile(rf"({_WORD})(?:\s*=\s*|\s+|$)(.*)", re.ASCII)
SHOWN: Final = 60
"""The most characters of a setting that is shown as it should be written; else its value is not."""


class _State(Enum):
    """What is known of the value of the latest setting or entry of a level."""

    OPEN = auto()
    PLAIN = auto()
    COMPLETE = auto()


@dataclass(slots=True)
class _Level:
    """Settings or entries that begin in one column.

    Attributes:
        column: From 0; -1 for the file itself.
        entries: Whether they are entries, with dashes.
        index: Where the first one is written.
        name: The name of the first setting; ``-`` for entries.
        state: What is known of the latest value.
        plain: Where a plain text below the latest one begins; -1 without one.
    """

    column: int
    entries: bool
    index: int
    name: str
    state: _State = _State.OPEN
    plain: int = -1


class BlockScanner:
    """Scans a file line by line; raises `FaultFoundError`."""

    def __init__(self, text: YamlText) -> None:
        self._text = text
        self._levels = [_Level(-1, entries=True, index=0, name="")]

    def scan(self) -> None:
        """Scan the file; raises `FaultFoundError`."""
        at = 0
        while at < len(self._text.text):
            at = self._line(at)

    @property
    def _top(self) -> _Level:
        return self._levels[-1]

    def _line(self, start: int) -> int:
        """Scan one line, and what it begins; returns where the next one begins."""
        content = self._text.text
        if content.startswith(("---", "...", "%"), start):
            self._levels[1:] = []
            self._levels[0].state, self._levels[0].plain = _State.OPEN, -1
            return self._text.next_line(start)
        at = self._indentation(start)
        if self._ends(at):
            return self._text.next_line(at)
        self._check_first(at)
        edge = self._text.column(at)
        while content[at] == "-" and (at + 1 == len(content) or content[at + 1].isspace()):
            if not self._entry(at):
                return self._text.next_line(at)
            at = self._spaces(at + 1)
            if self._ends(at):
                return self._text.next_line(at)
        return self._node(at, edge)

    def _indentation(self, at: int) -> int:
        content = self._text.text
        while at < len(content) and (content[at] in " \t" or is_other_space(content[at])):
            if content[at] == "\t":
                what, why = messages.TAB_INDENTATION(), messages.SPACES_ONLY()
                raise self._text.fault(at, what, why=why, step=messages.REPLACE_TAB())
            if content[at] != " ":
                raise self._text.character_fault(at)
            at += 1
        return at

    def _spaces(self, at: int) -> int:
        """Pass over spaces within a line."""
        content = self._text.text
        while at < len(content):
            if content[at] == "\t":
                raise self._text.fault(at, messages.TAB(), step=messages.REPLACE_TAB())
            if is_other_space(content[at]):
                raise self._text.character_fault(at)
            if content[at] != " ":
                break
            at += 1
        return at

    def _ends(self, at: int) -> bool:
        """Whether nothing but a comment follows in the line."""
        content = self._text.text
        return at >= len(content) or content[at] == "#" or BREAK.match(content, at) is not None

    def _check_first(self, at: int) -> None:
        """Refuse a line that begins with what looks like a dash or the mark of a comment."""
        content = self._text.text
        dash = is_dash(content[at]) and content[at + 1 : at + 2].isspace()
        if dash or ascii_of(content[at]) == "#":
            raise self._text.character_fault(at)

    # --- levels -----------------------------------------------------------------------------------

    def _leave(self, column: int) -> list[_Level]:
        """Leave the levels right of ``column``; returns them."""
        left = []
        while self._top.column > column:
            left.append(self._levels.pop())
        return left

    def _entry(self, at: int) -> bool:
        """Begin an entry of a list; returns whether the dash is one."""
        column = self._text.column(at)
        left = self._leave(column)
        top = self._top
        if top.column == column and top.entries:
            top.state, top.plain = _State.OPEN, -1
            return True
        if top.state is _State.OPEN:
            top.state = _State.COMPLETE
            self._levels.append(_Level(column, entries=True, index=at, name="-"))
            return True
        line = self._text.text[at : self._text.line_end(at)]
        if top.state is _State.PLAIN and top.column < column and not _INNER_COLON.search(line):
            return False  # more of the text above
        self._check_plain_above()
        entries = [one for one in (*left, *self._levels[1:]) if one.entries]
        if top.column == column and not entries:
            what, step = messages.ENTRY_AMONG_SETTINGS(), messages.INDENT_ENTRY()
            raise self._text.fault(at, what, step=step)
        raise self._indentation_fault(at, "-", entries)

    def _setting(self, at: int, name: str) -> None:
        """Begin a setting."""
        column = self._text.column(at)
        left = self._leave(column)
        if self._top.column == column and self._top.entries and len(self._levels) > 1:
            below = self._levels[-2]
            if below.column == column and not below.entries:
                self._levels.pop()
        top = self._top
        if top.column == column and not top.entries:
            top.state, top.plain = _State.OPEN, -1
        elif top.column < column and top.state is _State.OPEN:
            top.state = _State.COMPLETE
            self._levels.append(_Level(column, entries=False, index=at, name=name))
        elif top.plain >= 0 and self._text.column(top.plain) == column:
            raise self._setting_fault(top.plain)
        else:
            self._check_plain_above()
            settings = [one for one in (*left, *self._levels) if not one.entries]
            if top.column == column and not settings:
                what, step = messages.SETTING_AMONG_ENTRIES(), messages.BEGIN_ENTRY()
                raise self._text.fault(at, what, step=step)
            raise self._indentation_fault(at, name, settings)

    def _check_plain_above(self) -> None:
        """Refuse a text above that should be a setting: ``site：``, which YAML takes as a text."""
        plain = self._top.plain
        if plain >= 0 and (fault := wide_colon_fault(self._text, plain)):
            raise fault

    def _indentation_fault(self, at: int, name: str, levels: Iterable[_Level]) -> FaultFoundError:
        found = self._text.column(at)
        known = [one for one in levels if one.column >= 0 and one.column != found]
        if not known:
            what, step = _misplaced(found)
            return self._text.fault(at, what, step=step)
        near = min(known, key=lambda one: (abs(one.column - found), -one.column))
        what = messages.INDENTATION(
            key=name,
            spaces=messages.SPACES(n=found),
            other=near.name,
            line=self._text.line(near.index),
            other_spaces=messages.SPACES(n=near.column),
        )
        return self._text.fault(at, what, step=messages.INDENT())

    def _setting_fault(self, at: int) -> FaultFoundError:
        return setting_fault(self._text, at, self._text.line_end(at))

    # --- values -----------------------------------------------------------------------------------

    def _node(self, at: int, edge: int) -> int:
        """Scan what stands in a line after its indentation and dashes."""
        content, begin = self._text.text, at
        found = _PROPERTY.match(content, at)
        at = found.end() if found else at
        if self._ends(at) or content[at] == "*" or content.startswith("? ", at):
            return self._text.next_line(at)
        if content[at] in "\"'":
            end = scan_quoted(self._text, at, edge)
            colon = self._spaces(end + 1)
            if ascii_of(content[colon : colon + 1]) == ":":
                raise self._text.character_fault(colon)
            if content[colon : colon + 1] != ":":
                return self._text_line(begin, at)
            name = content[at + 1 : end]
        else:
            end_of_key = _KEY_END.search(content, at)
            if content[at] in "[{" or end_of_key is None or end_of_key[0] != ":":
                return self._text_line(begin, at)
            colon, name = end_of_key.start(), content[at : end_of_key.start()]
            if wide := _WIDE_COLON.match(name):
                raise self._text.character_fault(at + wide.start(1))
            if DASH_WITHOUT_SPACE.match(name):
                raise self._setting_fault(at)
        self._setting(begin, name)
        return self._value(colon + 1, name, self._text.column(begin))

    def _text_line(self, begin: int, at: int) -> int:
        """Scan a line, or what follows a dash, that has no name of a setting."""
        column = self._text.column(begin)
        self._leave(column)
        top = self._top
        if self._text.text[at] in OPENING:
            raise self._stray_fault(at)
        if top.column == column:
            raise self._setting_fault(at)
        if top.state is _State.OPEN:
            top.plain = at
            return self._value(at, top.name, column)
        if top.state is _State.PLAIN:
            self._check_plain(at, self._text.line_end(at))
            return self._text.next_line(at)
        what, step = _misplaced(column)
        raise self._text.fault(at, what, step=step)

    def _value(self, at: int, name: str, edge: int) -> int:
        """Scan the value of the top level's latest setting or entry."""
        content, top = self._text.text, self._top
        at = self._spaces(at)
        found = _PROPERTY.match(content, at)
        at = self._spaces(found.end()) if found else at
        if self._ends(at):
            return self._text.next_line(at)
        top.state = _State.COMPLETE
        character = content[at]
        if character == "*":
            return self._text.next_line(at)
        if _BLOCK_SCALAR.match(content, at, self._text.line_end(at)):
            return self._block_scalar(at, top.column)
        if character in PAIRS:
            return self._rest(FlowScanner(self._text, at, edge).scan(), at)
        if character in "\"'":
            return self._rest(scan_quoted(self._text, at, edge) + 1, at)
        if character == "-" and content[at + 1 : at + 2].isspace():
            what, step = messages.LIST_IN_LINE(key=name), messages.ENTRY_LINES(key=name)
            raise self._text.fault(at, what, step=step)
        if character in OPENING:
            raise self._stray_fault(at)
        if character in FORBIDDEN_FIRST or character == ",":
            what = messages.FIRST_CHARACTER(mark=character)
            raise self._text.fault(at, what, step=messages.QUOTE_VALUE())
        return self._plain(at, name)

    def _plain(self, at: int, name: str) -> int:
        content, end = self._text.text, self._text.line_end(at)
        comment = _COMMENT.search(content, at, end)
        stop = comment.start() if comment else end
        self._check_plain(at, stop)
        if _INNER_COLON.search(content[at:stop].rstrip(" ")):
            if ascii_of(content[at]) in {"{", "[", '"', "'"}:
                raise self._text.character_fault(at)
            what = messages.COLON_IN_VALUE(key=name)
            raise self._text.fault(at, what, step=messages.QUOTE_VALUE())
        self._top.state = _State.PLAIN
        return self._text.next_line(at)

    def _check_plain(self, at: int, end: int) -> None:
        tab = self._text.text.find("\t", at, end)
        if tab >= 0:
            raise self._text.fault(tab, messages.TAB(), step=messages.REPLACE_TAB())

    def _block_scalar(self, at: int, column: int) -> int:
        """Pass over the lines that are indented further than ``column``, and empty ones."""
        content, at = self._text.text, self._text.next_line(at)
        while at < len(content):
            first = at
            while content[first : first + 1] == " ":
                first += 1
            if not BREAK.match(content, first) and self._text.column(first) <= column:
                break
            at = self._text.next_line(at)
        return at

    def _rest(self, at: int, start: int) -> int:
        """Scan what follows a quoted text or a bracket in its line."""
        content = self._text.text
        follows = self._spaces(at)
        if self._ends(follows) and (follows > at or content[follows : follows + 1] != "#"):
            return self._text.next_line(follows)
        if content[start] in "\"'":
            raise fault_after_quote(self._text, start, at - 1, follows)
        if content[follows] in OPENING:
            raise self._stray_fault(follows)
        raise self._text.fault(follows, messages.TEXT_AFTER_BRACKET(), step=messages.NEXT_LINE())

    def _stray_fault(self, at: int) -> FaultFoundError:
        mark = self._text.text[at]
        what, step = messages.BRACKET_STRAY(mark=mark), messages.REMOVE_BRACKET(mark=OPENING[mark])
        return self._text.fault(at, what, step=step)


def _misplaced(column: int) -> tuple[Message, Message]:
    """What is wrong with a line that fits nothing above it, and the next step."""
    if not column:
        return messages.SYNTAX(), messages.CHECK_LINE()
    return messages.UNEXPECTED_INDENTATION(), messages.CHECK_INDENTATION()


def wide_colon_fault(text: YamlText, at: int) -> FaultFoundError | None:
    """The error of a full-width colon after the name that begins at ``at``, if there is one."""
    wide = _WIDE_COLON.match(text.text, at, text.line_end(at))
    return text.character_fault(wide.start(1)) if wide else None


def setting_fault(text: YamlText, at: int, end: int) -> FaultFoundError:
    """The error of a text in a line that should be a setting."""
    said = text.text[at:end].rstrip()
    if fault := wide_colon_fault(text, at):
        return fault
    if DASH_WITHOUT_SPACE.match(said):
        entry = f"- {said[1:]}"
        step = messages.WRITE_SETTING(setting=entry if len(entry) <= SHOWN else "- ...")
        return text.fault(at, messages.DASH_SPACE(), step=step)
    if found := NO_SPACE.fullmatch(said):
        if is_other_space(found[2][0]):
            return text.character_fault(at + found.start(2))
        what, (key, value) = messages.SPACE(key=found[1]), found.groups()
    elif found := _NO_COLON.fullmatch(said):
        what, (key, value) = messages.COLON(key=found[1]), found.groups()
    else:
        return text.fault(at, messages.SYNTAX(), step=messages.CHECK_LINE())
    setting = f"{key}: {to_ascii(value)}".rstrip()
    shown = setting if len(setting) <= SHOWN else f"{key}: ..."
    return text.fault(at, what, step=messages.WRITE_SETTING(setting=shown))
