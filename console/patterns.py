r"""Translation of English texts with values in them, by the patterns they were made from.

A package below the command line makes ``f"no device is named {name!r}"``. The catalogue holds that
as the pattern ``no device is named {0}`` with its translation, values numbered in their order:

::

    "no device is named 'x'"  ->  no device is named (.+)  ->  "{0}という名前の機器はありません"

The longest pattern that fits the whole text wins. A value may be such a text itself and is then
translated too; texts joined by ``; `` or ``. `` are translated one by one. Pure, but for reading
the catalogue.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

_PLACE: Final = re.compile(r"\{(\d+)\}")
_SENTENCES: Final = {"; ": "。", ". ": "。"}
_CLAUSES: Final = {": ": ": ", ", ": "、"}
"""Joints of texts, and the joints of their translations."""
_DEPTH: Final = 4
_WORD: Final = re.compile(r"[A-Za-z]{3,}")
_ANY: Final = "(.+?)"
_DISTINCTIVE: Final = 24
"""A pattern with so many fixed letters fits no text of others by accident."""


class MessagePatterns:
    """The translations of a catalogue, by their English patterns."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        texts = {**dict(_halves(texts)), **texts}
        self._exact = {k: v for k, v in texts.items() if k and not _PLACE.search(k)}
        ordered = sorted((k for k in texts if _PLACE.search(k)), key=_literal, reverse=True)
        self._patterns = [(_expression(k), texts[k]) for k in ordered]

    def translate(self, text: str) -> str:
        """``text`` in the catalogue's language; parts that no pattern fits stay as they are."""
        return self._translate(text, 0)

    def translate_if_sure(self, text: str) -> str | None:
        """``text`` in the catalogue's language if it surely is one of its texts; else ``None``.

        For texts that may be of others, such as a device's own: a short pattern may fit them by
        accident, and half a sentence in each language is worse than the original. The part before
        a colon is a location and stays.
        """
        return self._if_sure(text, 0)

    def _if_sure(self, text: str, depth: int) -> str | None:
        whole = self._surely(text)
        if whole is not None or depth == _DEPTH:
            return whole
        where, colon, rest = text.partition(": ")
        if colon and (translation := self._if_sure(rest, depth + 1)) is not None:
            return where + colon + translation
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
        """The values, translated; ``None`` where one has words, and the pattern is a short one."""
        found = [self._surely(value) for value in values]
        short = _fixed(expression) < _DISTINCTIVE
        if short and any(s is None and _WORD.search(v) for s, v in zip(found, values, strict=True)):
            return None
        return [value if s is None else s for s, value in zip(found, values, strict=True)]

    def _translate(self, text: str, depth: int) -> str:
        found = self._whole(text, depth, _SENTENCES)
        if found is None and depth < _DEPTH:
            found = self._joined(text, depth, _SENTENCES) or self._whole(text, depth, {})
            found = found or self._joined(text, depth, _CLAUSES)
        return text if found is None else found

    def _joined(self, text: str, depth: int, joints: Mapping[str, str]) -> str | None:
        """The translation part by part, where a joint divides the text and a part is known."""
        for joint, japanese_joint in joints.items():
            parts = text.split(joint)
            if len(parts) == 1:
                continue
            translations = [self._translate(part, depth + 1) for part in parts]
            if translations != parts:
                return japanese_joint.join(translations)
        return None

    def _whole(self, text: str, depth: int, never_within: Mapping[str, str]) -> str | None:
        """The translation of all of ``text``, whatever case its first letter and its full stop.

        A value that holds a joint is more likely two texts; ``never_within`` passes it over.
        """
        variants = list(_variants(text))
        # An exact text wins over any pattern that it happens to fit.
        for variant in variants:
            if variant in self._exact:
                return self._exact[variant]
        placed = self._placed(text)
        for variant in variants:
            for expression, translation in self._patterns:
                match = expression.fullmatch(variant)
                if match and not any(j in value for value in match.groups() for j in never_within):
                    if placed and _fixed(expression) < _DISTINCTIVE:
                        return placed  # the pattern fits by accident
                    values = [self._translate(value, depth + 1) for value in match.groups()]
                    return translation.format(*values)
        return None

    def _placed(self, text: str) -> str:
        """A location and the translation of the text after it; "" where no text fits exactly."""
        where, colon, rest = text.partition(": ")
        exact = (self._exact[variant] for variant in _variants(rest) if variant in self._exact)
        translation = next(exact, "") if colon else ""
        return f"{where}: {translation}" if translation else ""


def _fixed(expression: re.Pattern[str]) -> int:
    """The number of an expression's letters that are literal."""
    return len(expression.pattern) - len(_ANY) * expression.groups


def _halves(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The parts before and after the last joint of a text, each as a text of its own.

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
    """The number of literal letters of a pattern: the more, the less it fits by accident."""
    return len(_PLACE.sub("", pattern))


def _expression(pattern: str) -> re.Pattern[str]:
    pieces = _PLACE.split(pattern)
    return re.compile(
        "".join(_ANY if i % 2 else re.escape(piece) for i, piece in enumerate(pieces)),
        re.DOTALL,
    )


@cache
def japanese() -> MessagePatterns:
    """The Japanese catalogue; empty where it was not compiled."""
    known = gettext.translation("messages", Path(__file__).parent / "locale", ["ja"], fallback=True)
    return MessagePatterns(getattr(known, "_catalog", {}))
