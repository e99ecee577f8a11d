r"""English texts with values in them, back to the pattern they were made from, and to Japanese.

A package below the command line says ``f"no device is named {name!r}"``. The catalogue holds that
as the pattern ``no device is named {0}`` with its translation, values numbered in their order:

::

    "no device is named 'x'"  ->  no device is named (.+)  ->  "{0}という名前の機器はありません"

The longest pattern that fits the whole text wins. A value may be such a text itself and is said in
Japanese too; texts joined by ``; `` or ``. `` are said one by one. Pure, but for reading the
catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from console.catalogue import read
from console.language import LOCALES

_PLACE: Final = re.compile(r"\{(\d+)\}")
_SENTENCES: Final = {"; ": "。", ". ": "。"}
_CLAUSES: Final = {": ": ": ", ", ": "、"}
"""What joins texts, and what joins their translations."""
_DEPTH: Final = 4
_WORD: Final = re.compile(r"[A-Za-z]{3,}")
_ANY: Final = "(.+?)"
_OURS: Final = 24
"""A pattern with so many fixed letters fits no text that is not ours."""


class Patterns:
    """What can be said, by its English pattern."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        texts = {**dict(_halves(texts)), **texts}
        self._exact = {k: v for k, v in texts.items() if k and not _PLACE.search(k)}
        ordered = sorted((k for k in texts if _PLACE.search(k)), key=_literal, reverse=True)
        self._patterns = [(_expression(k), texts[k]) for k in ordered]

    def said(self, text: str) -> str:
        """``text`` in the catalogue's language; what it does not know stays as it is."""
        return self._said(text, 0)

    def known(self, text: str) -> str | None:
        """``text`` in the catalogue's language if it surely is one of its texts; else ``None``.

        For what may just as well be somebody else's words, such as a device's of itself: a short
        pattern may fit them by accident, and half a sentence in each language is worse than the
        one it came in. What stands before a colon is a place and stays.
        """
        return self._known(text, 0)

    def _known(self, text: str, depth: int) -> str | None:
        whole = self._surely(text)
        if whole is not None or depth == _DEPTH:
            return whole
        where, colon, rest = text.partition(": ")
        if colon and (said := self._known(rest, depth + 1)) is not None:
            return where + colon + said
        parts = text.split(". ", _DEPTH)
        every = [self._surely(part) for part in parts] if len(parts) > 1 else [None]
        return None if None in every else "。".join(part for part in every if part)

    def _surely(self, text: str) -> str | None:
        for variant in _variants(text):
            if variant in self._exact:
                return self._exact[variant]
        for variant in _variants(text):
            for expression, translation in self._patterns:
                match = expression.fullmatch(variant)
                if match and (values := self._values(expression, match.groups())) is not None:
                    return translation.format(*values)
        return None

    def _values(self, expression: re.Pattern[str], values: tuple[str, ...]) -> list[str] | None:
        """Values as they are said; ``None`` where one has words, and the pattern is a short one."""
        said = [self._surely(value) for value in values]
        short = _fixed(expression) < _OURS
        if short and any(s is None and _WORD.search(v) for s, v in zip(said, values, strict=True)):
            return None
        return [value if s is None else s for s, value in zip(said, values, strict=True)]

    def _said(self, text: str, depth: int) -> str:
        found = self._whole(text, depth, _SENTENCES)
        if found is None and depth < _DEPTH:
            found = self._joined(text, depth, _SENTENCES) or self._whole(text, depth, {})
            found = found or self._joined(text, depth, _CLAUSES)
        return text if found is None else found

    def _joined(self, text: str, depth: int, joints: Mapping[str, str]) -> str | None:
        """Each part by itself, where a joint parts the text and a part is known."""
        for joint, japanese_joint in joints.items():
            parts = text.split(joint)
            said = [self._said(part, depth + 1) for part in parts] if len(parts) > 1 else parts
            if said != parts:
                return japanese_joint.join(said)
        return None

    def _whole(self, text: str, depth: int, never_within: Mapping[str, str]) -> str | None:
        """The translation of all of ``text``, whatever case its first letter and its full stop.

        A value that holds a joint is more likely two texts; ``never_within`` passes it over.
        """
        variants = list(_variants(text))
        # A text that is known word by word is that one, whatever pattern it happens to fit.
        for variant in variants:
            if variant in self._exact:
                return self._exact[variant]
        placed = self._placed(text)
        for variant in variants:
            for expression, translation in self._patterns:
                match = expression.fullmatch(variant)
                if match and not any(j in value for value in match.groups() for j in never_within):
                    if placed and _fixed(expression) < _OURS:
                        return placed  # the pattern fits by accident
                    values = [self._said(value, depth + 1) for value in match.groups()]
                    return translation.format(*values)
        return None

    def _placed(self, text: str) -> str:
        """A place and what is known word by word of it; ``""`` where it is not."""
        where, colon, rest = text.partition(": ")
        known = (self._exact[variant] for variant in _variants(rest) if variant in self._exact)
        said = next(known, "") if colon else ""
        return f"{where}: {said}" if said else ""


def _fixed(expression: re.Pattern[str]) -> int:
    """How many of an expression's letters stand for themselves."""
    return len(expression.pattern) - len(_ANY) * expression.groups


def _halves(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What stands before and after the last joint of a text, each as a text of its own.

    ``it is gone; make it anew`` may come as what happened and the next step.
    """
    for pattern, translation in texts.items():
        before, joint, after = pattern.rpartition("; ")
        first, stop, second = translation.rpartition("。")
        if not (joint and stop and second):
            continue
        for half, said in ((before, first), (after, second)):
            places = _PLACE.findall(half)
            if set(_PLACE.findall(said)) <= set(places) and _PLACE.sub("", half).strip():
                numbers = {old: new for new, old in enumerate(places)}
                yield _renumbered(half, numbers), _renumbered(said, numbers)


def _renumbered(text: str, numbers: Mapping[str, int]) -> str:
    return _PLACE.sub(lambda found: f"{{{numbers[found[1]]}}}", text)


def _variants(text: str) -> Iterator[str]:
    yield text
    bare = text.removesuffix(".")
    if bare != text:
        yield bare
    if bare[:1].isupper():
        yield bare[0].lower() + bare[1:]
    elif bare:
        yield bare[0].upper() + bare[1:]


def _literal(pattern: str) -> int:
    """How much of a pattern is fixed: the more, the less it fits by accident."""
    return len(_PLACE.sub("", pattern))


def _expression(pattern: str) -> re.Pattern[str]:
    pieces = _PLACE.split(pattern)
    return re.compile(
        "".join(_ANY if i % 2 else re.escape(piece) for i, piece in enumerate(pieces)),
        re.DOTALL,
    )


@cache
def japanese() -> Patterns:
    """The Japanese catalogue; empty where it was not compiled."""
    path = LOCALES / "ja" / "LC_MESSAGES" / "told.mo"
    return Patterns(read(path.read_bytes()) if path.exists() else {})
