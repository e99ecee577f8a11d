"""Finds where a fault between brackets began: ``{name: main, url: "..."}``. Pure.

See `config.yaml_faults`, which scans what is not between brackets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from config.look_alike import ascii_of, is_other_space
from config.yaml_text import BREAK, FaultFoundError, YamlText
from console.templates import yaml as messages

PAIRS: Final = {"[": "]", "{": "}"}
OPENING: Final = {closing: opening for opening, closing in PAIRS.items()}
_STRUCTURE: Final = re.compile(r"(?:- +)*(?:[\"']?[A-Za-z_][\w-]*[\"']?:(?:\s|$)|- *[{\[\"'])")
"""The beginning of a line that has a setting or an entry of a list."""
_SPACE: Final = re.compile(r"\s+")
_ESCAPES: Final = frozenset('0abt\tnvfre "/\\N_LPxuU\n\r\x85\u2028\u2029')
_LIKE_AN_OPENING: Final = re.compile(
    r"[,{\[:][ ]*$|(?:^|\s)-[ ]*$| #|[\n\r]|,[ ]*[A-Za-z_][\w-]*:[ ]", re.ASCII
)
"""What a quoted text holds whose closing mark opens another text, or stands in one."""
_TOKENS: Final = re.compile(r'"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|(?<=\s)#[^\n]*|[\[\]{}]')
_PLAIN_END: Final = re.compile(
    r"[,\[\]{}?\n\r\x85\u2028\u2029]|:(?=[\s,\[\]{}]|$)|(?<=\s)#", re.ASCII
)
_WIDE_KEY: Final = re.compile(r"[A-Za-z_][\w-]*(：)", re.ASCII)
_WORD: Final = re.compile(r"[^\s,:\[\]{}]+")
FORBIDDEN_FIRST: Final = "@`%"


def scan_quoted(text: YamlText, start: int, edge: int) -> int:
    """Scan a quoted text.

    Args:
        text: The file.
        start: The opening mark.
        edge: The column that a line must be indented further than to continue the text.

    Returns:
        The closing mark.
    """
    content, mark, at = text.text, text.text[start], start + 1
    while at < len(content):
        character = content[at]
        if mark == '"' and character == "\\":
            if at + 1 < len(content) and content[at + 1] not in _ESCAPES:
                what = messages.ESCAPE(character=content[at + 1])
                raise text.fault(at, what, step=messages.WRITE_BACKSLASH())
            at += 2
        elif BREAK.match(content, at):
            at = _next_word(content, at)
            if at < len(content) and _ends_text(text, at, edge):
                break
        elif character != mark:
            at += 1
        elif mark == "'" and content[at + 1 : at + 2] == "'":
            at += 2
        else:
            return at
    raise _open_quote_fault(text, start)


def _open_quote_fault(text: YamlText, start: int) -> FaultFoundError:
    mark = text.text[start]
    what, step = messages.QUOTE_OPEN(mark=mark), messages.CLOSE_QUOTE(mark=mark)
    return text.fault(start, what, step=step)


def _next_word(content: str, at: int) -> int:
    """Where the next character stands that is not white space."""
    found = _SPACE.match(content, at)
    return found.end() if found else at


def _ends_text(text: YamlText, first: int, edge: int) -> bool:
    """Whether the line whose first character is at ``first`` cannot continue a quoted text."""
    return text.column(first) <= edge or _STRUCTURE.match(text.text, first) is not None


def fault_after_quote(text: YamlText, start: int, end: int, follows: int) -> FaultFoundError:
    """The error of a quoted text that something follows which cannot stand there.

    Args:
        text: The file.
        start: The opening mark.
        end: The closing mark.
        follows: What follows it.
    """
    content = text.text
    if _LIKE_AN_OPENING.search(content[start + 1 : end]):
        return _open_quote_fault(text, start)
    if follows == end + 1:
        mark = content[start]
        step = messages.ESCAPE_DOUBLE() if mark == '"' else messages.ESCAPE_SINGLE()
        return text.fault(end, messages.QUOTE_WITHIN(mark=mark), step=step)
    return text.fault(follows, messages.TEXT_AFTER_QUOTE(), step=messages.QUOTE_ALL())


@dataclass(slots=True)
class _Bracket:
    """A bracket that is open.

    Attributes:
        index: Where it opens.
        mark: ``[`` or ``{``.
        edge: The column of the setting or line that it opens in.
        colon: Whether the entry that is scanned has its colon.
        complete: Whether a quoted text or a bracket has just ended.
        plain: Where the last piece of a plain text begins; -1 without one.
        pieces: In how many lines that text stands.
        key: The entry's name.
        look_alike: A full-width closing bracket; -1 without one.
    """

    index: int
    mark: str
    edge: int
    colon: bool = False
    complete: bool = False
    plain: int = -1
    pieces: int = 0
    key: str = ""
    look_alike: int = -1


class FlowScanner:
    """Scans one pair of brackets and all that is between them.

    Args:
        text: The file.
        start: The opening bracket.
        edge: The column of the setting or line that it opens in.
    """

    def __init__(self, text: YamlText, start: int, edge: int) -> None:
        self._text = text
        self._edge = edge
        self._open = [_Bracket(start, text.text[start], edge)]

    def scan(self) -> int:
        """Scan; returns the index after the closing bracket."""
        content, at = self._text.text, self._open[0].index + 1
        while self._open:
            if at >= len(content):
                raise self._open_bracket_fault(self._open[-1])
            at = self._token(at, content[at], self._open[-1])
        return at

    def _token(self, at: int, character: str, top: _Bracket) -> int:
        """Scan what begins at ``at``; returns where the next one begins."""
        content = self._text.text
        if BREAK.match(content, at):
            return self._line(self._text.next_line(at))
        if character == " ":
            return at + 1
        if character == "#" and content[at - 1].isspace():
            return self._text.line_end(at)
        if character == "\t":
            raise self._text.fault(at, messages.TAB(), step=messages.REPLACE_TAB())
        if is_other_space(character):
            raise self._text.character_fault(at)
        if character in OPENING:
            return self._close(at, character, top)
        if character == ",":
            top.colon = top.complete = False
            top.plain, top.pieces = -1, 0
            return at + 1
        if character == ":" and self._is_colon(at, top):
            return self._colon(at, top)
        if top.complete or (top.plain >= 0 and character in "[{\"'"):
            raise self._comma_fault(at)
        return self._value(at, character, top)

    def _value(self, at: int, character: str, top: _Bracket) -> int:
        content = self._text.text
        if character in PAIRS:
            self._open.append(_Bracket(at, character, self._edge))
            return at + 1
        if character in "\"'":
            end = scan_quoted(self._text, at, self._edge)
            follows = content[end + 1 : end + 2]
            if follows and not follows.isspace() and follows not in ",:]}":
                raise fault_after_quote(self._text, at, end, end + 1)
            top.complete, top.key = True, content[at + 1 : end]
            return end + 1
        if character in "&!*":
            found = _WORD.match(content, at)
            top.complete = character == "*"
            return found.end() if found else at + 1
        if character in FORBIDDEN_FIRST:
            what = messages.FIRST_CHARACTER(mark=character)
            raise self._text.fault(at, what, step=messages.QUOTE_VALUE())
        return self._plain(at, top)

    def _plain(self, at: int, top: _Bracket) -> int:
        content = self._text.text
        found = _PLAIN_END.search(content, at)
        end = found.start() if found else len(content)
        said = content[at:end].rstrip(" ")
        if "\t" in said:
            tab = at + said.index("\t")
            raise self._text.fault(tab, messages.TAB(), step=messages.REPLACE_TAB())
        wide = _WIDE_KEY.match(content, at, end)
        if wide and not top.colon and top.mark == "{":
            raise self._text.character_fault(wide.start(1))
        if found and found[0] == "?":
            if ascii_of(content[at]) in {'"', "'"}:
                raise self._text.character_fault(at)
            raise self._text.fault(at, messages.QUESTION_MARK(), step=messages.QUOTE_VALUE())
        if top.look_alike < 0:
            closers = (at + place for place, one in enumerate(said) if one in "｝］")
            top.look_alike = next(closers, -1)
        top.plain, top.pieces = at, top.pieces + 1
        if not top.colon:
            top.key = said
        return max(end, at + 1)

    def _is_colon(self, at: int, top: _Bracket) -> bool:
        after = self._text.text[at + 1 : at + 2]
        return top.complete or not after or after.isspace() or after in ",[]{}"

    def _colon(self, at: int, top: _Bracket) -> int:
        if top.colon:
            raise self._second_colon_fault(at, top)
        top.colon, top.complete, top.plain, top.pieces = True, False, -1, 0
        return at + 1

    def _second_colon_fault(self, at: int, top: _Bracket) -> FaultFoundError:
        """The error of a setting within the value of another."""
        begin = top.plain if top.plain >= 0 else at
        said = self._text.text[begin:at]
        for place, character in enumerate(said):
            if ascii_of(character) == "," or (not place and ascii_of(character) in {"{", "["}):
                return self._text.character_fault(begin + place)
        words = list(_WORD.finditer(said))
        if len(words) > 1 or top.pieces > 1:
            return self._comma_fault(begin + (words[-1].start() if words else 0))
        what = messages.COLON_IN_VALUE(key=top.key)
        return self._text.fault(begin, what, step=messages.QUOTE_VALUE())

    def _comma_fault(self, at: int) -> FaultFoundError:
        found = re.compile(r"[\"']?([^\s,:\[\]{}\"']+)|.").match(self._text.text, at)
        key = (found[1] or found[0]) if found else ""
        return self._text.fault(at, messages.COMMA(key=key), step=messages.ADD_COMMA())

    def _close(self, at: int, character: str, top: _Bracket) -> int:
        if OPENING[character] != top.mark:
            line = self._text.line(at)
            what = messages.BRACKET_MISMATCH(mark=top.mark, found=character, line=line)
            step = messages.CLOSE_BRACKET(mark=PAIRS[top.mark])
            raise self._text.fault(top.index, what, step=step)
        self._open.pop()
        if self._open:
            self._open[-1].complete = True
        return at + 1

    def _line(self, at: int) -> int:
        """Begin a line: it must not be one that stands after what the brackets enclose."""
        content, first = self._text.text, at
        while first < len(content) and (content[first] in " \t" or is_other_space(content[first])):
            if content[first] != " ":
                if content[first] == "\t":
                    what, why = messages.TAB_INDENTATION(), messages.SPACES_ONLY()
                    raise self._text.fault(first, what, why=why, step=messages.REPLACE_TAB())
                raise self._text.character_fault(first)
            first += 1
        if first >= len(content) or content[first] == "#" or BREAK.match(content, first):
            return first
        column = self._text.column(first)
        if content[first] not in OPENING and self._unclosed:
            for bracket in reversed(self._open):
                if column > bracket.edge:
                    break
                if bracket.index in self._unclosed:
                    raise self._open_bracket_fault(bracket)
        self._edge = column
        return first

    @cached_property
    def _unclosed(self) -> frozenset[int]:
        """The brackets for which no closing bracket of their own follows."""
        content, depth = self._text.text, list[int]()
        for found in _TOKENS.finditer(content, self._open[0].index):
            token = found[0]
            if token in PAIRS:
                depth.append(found.start())
            elif token in OPENING:
                if content[depth[-1]] != OPENING[token]:
                    break
                depth.pop()
                if not depth:
                    break
        return frozenset(depth)

    def _open_bracket_fault(self, bracket: _Bracket) -> FaultFoundError:
        if bracket.look_alike >= 0:
            return self._text.character_fault(bracket.look_alike)
        what = messages.BRACKET_OPEN(mark=bracket.mark)
        step = messages.CLOSE_BRACKET(mark=PAIRS[bracket.mark])
        return self._text.fault(bracket.index, what, step=step)
