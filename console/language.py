"""The language of a command line, and its texts in that language.

::

    --lang ja|en  >  KANMON_LANG  >  LC_ALL  >  LC_MESSAGES  >  LANG  >  English

One catalogue, ``locale/ja/LC_MESSAGES/kanmon.po``, compiled by `scripts/assets`, for three kinds of
texts:

* Those of the command lines, looked up by `tr` and `plural`.
* Click's own, which it looks up through the standard library's text domain.
* Messages (`console.text`) of every package: findings, refusals, a daemon's answers. They are made
  far from any command line, often in another process; `words`, `heading` and `sentence` format them
  in the language in use. See docs/adr/0016.

Nothing is read before the first Japanese text is needed: a daemon carries no catalogue.
Source: the standard library's gettext; POSIX 8.2 (order of the variables).
"""

from __future__ import annotations

import codecs
import gettext
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from console.text import ENGLISH, Message, Translations

LANGUAGES: Final = ("en", "ja")
LOCALES: Final = Path(__file__).parent / "locale"
"""The folder of the catalogues, ``<language>/LC_MESSAGES/<domain>.po`` and ``.mo``."""
DOMAIN: Final = "kanmon"
VARIABLE: Final = "KANMON_LANG"
_PROBE: Final = "日本語"


def choose(
    words: Sequence[str], environment: Mapping[str, str], encoding: str | None = "utf-8"
) -> str:
    """The language of one call: ``en`` or ``ja``.

    Args:
        words: The command line, without the program's name.
        environment: Its environment.
        encoding: Of standard output. Where it cannot hold Japanese, English is spoken: question
            marks help nobody.

    Output for programs is English: with ``--json`` the choice of a language is ignored.
    """
    chosen = _given(words) or environment.get(VARIABLE) or _locale(environment)
    language = _supported(chosen) or "en"
    return language if _holds(encoding) and "--json" not in words else "en"


def _locale(environment: Mapping[str, str]) -> str:
    """The locale for messages; a variable that is empty counts as unset."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    return next((environment[name] for name in names if environment.get(name)), "")


def _given(words: Sequence[str]) -> str:
    """The value of ``--lang``; "" where it is not given."""
    rest = iter(words)
    for word in rest:
        if word == "--":
            break
        if word == "--lang":
            return next(rest, "")
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
    return ""


def _supported(locale: str) -> str | None:
    short = locale.partition(".")[0].partition("_")[0].partition("-")[0].lower()
    return short if short in LANGUAGES else None


def _holds(encoding: str | None) -> bool:
    try:
        _PROBE.encode(codecs.lookup(encoding or "ascii").name)
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def begin(words: Sequence[str] | None = None) -> str:
    """Use the language of this call from now on, in click too; returns the language."""
    given = sys.argv[1:] if words is None else words
    language = choose(given, os.environ, getattr(sys.stdout, "encoding", None))
    use(language)
    return language


def use(language: str) -> None:
    """Use ``language`` from now on; process-wide, as the standard library's text domain is."""
    os.environ["LANGUAGE"] = language  # gettext reads this variable before every locale
    gettext.bindtextdomain(DOMAIN, LOCALES)
    gettext.textdomain(DOMAIN)


def current() -> str:
    """The language in use; English before `begin`."""
    chosen = os.environ.get("LANGUAGE", "")
    return chosen if chosen in LANGUAGES and gettext.textdomain() == DOMAIN else "en"


@cache
def translations(language: str) -> Translations:
    """The catalogue of a language; English where there is none."""
    if language == "en":
        return ENGLISH
    return gettext.translation(DOMAIN, LOCALES, [language], fallback=True)


def words(message: Message, language: str | None = None) -> str:
    """A message in the language in use, or in ``language``."""
    return message.format(translations(language or current()))


def heading(message: Message, language: str | None = None) -> str:
    """`words` with a capital, as they stand in a cell of a table."""
    return message.heading(translations(language or current()))


def sentence(message: Message, language: str | None = None) -> str:
    """`words` as a sentence of its own."""
    return message.sentence(translations(language or current()))


def tr(text: str, /, **fields: object) -> str:
    """``text`` in the language in use, ``{name}`` filled with ``fields``."""
    translation = gettext.gettext(text) if text else text
    return translation.format(**fields) if fields else translation


def plural(one: str, many: str, number: int, /, **fields: object) -> str:
    """`tr` with a number: ``one`` for 1, else ``many``; ``{n}`` is the number."""
    return gettext.ngettext(one, many, number).format(n=number, **fields)


def tr_noop(text: str) -> str:
    """Return ``text``; puts it into the catalogue for a later `tr`."""
    return text


def plural_noop(one: str, many: str) -> tuple[str, str]:
    """Return both texts; puts them into the catalogue for a later `plural`."""
    return one, many
