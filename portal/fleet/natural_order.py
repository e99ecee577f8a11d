"""Natural order: LP-2 before LP-10. A name's key is stored beside it, and a list is sorted by it.

::

    LP-2     l p -  0 <0001> 2          text in its folded form; a number is the byte "0", how many
    LP-10    l p -  0 <0002> 10         digits it has (2 bytes), and the digits

Keys are compared byte by byte. They are stored in hexadecimal, because both databases then order
them alike: PostgreSQL compares texts by the rules of a language, in which hexadecimal digits are
ordered as bytes.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from django.db import models

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NUMBER: Final = re.compile(r"([0-9]+)")
_MOST_DIGITS: Final = 0xFFFF


def natural_key(name: str) -> str:
    """The key of a name, in hexadecimal; two names have the same one where they read alike.

    Letters are compared without regard to case and width, numbers by their value.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    parts = _NUMBER.split(folded)
    return b"".join(
        _number(part) if index % 2 else part.encode("utf-8", "surrogatepass")
        for index, part in enumerate(parts)
    ).hex()


def _number(digits: str) -> bytes:
    value = digits.lstrip("0")[:_MOST_DIGITS]
    return b"0" + len(value).to_bytes(2) + value.encode("ascii")


class NaturalKeyField(models.TextField[str, str]):
    """The key of a model's name, worked out whenever a row is saved.

    Args:
        sources: The fields of the name; the first that says anything counts.

    What writes the name without saving the model (``update()``, SQL) writes the key, too.
    """

    def __init__(self, *, sources: Iterable[str] = ("name",), **options: Any) -> None:
        self.sources = tuple(sources)
        super().__init__(**{"editable": False, "default": "", **options})

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """The key of the name that is saved."""
        said = (str(getattr(model_instance, field)) for field in self.sources)
        key = natural_key(next((name for name in said if name), ""))
        setattr(model_instance, self.attname, key)
        return key

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """As a plain column: a migration needs no more."""
        name, _path, positional, options = super().deconstruct()
        return name, "django.db.models.TextField", positional, options
