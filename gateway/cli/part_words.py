"""Evidence of a condition in the language of the console.

What stands before the arrow is what the device said, and stays; what was made of it is said.
"""

from __future__ import annotations

from typing import Final

from console import language, vocabulary
from console.language import tr

_ARROW: Final = " -> "
_CLASS: Final = "class "
_PROFILE: Final = "profile "
_FIELD_SERVICE: Final = "field service"


def evidence(part: str) -> str:
    """What a condition rests on: as it came, and what was made of it."""
    said, arrow, how = part.rpartition(_ARROW)
    return f"{said}{arrow}{', '.join(map(_how, how.split(', ')))}" if arrow else part


def _how(word: str) -> str:
    if word in vocabulary.SEVERITIES:
        return language.words(vocabulary.SEVERITIES[word]())
    if word == _FIELD_SERVICE:
        return tr("field service")
    if word.startswith(_CLASS):
        return tr("class {name}", name=word.removeprefix(_CLASS))
    if word.startswith(_PROFILE):
        return tr("profile {name}", name=word.removeprefix(_PROFILE))
    return word
