"""Which language a command line speaks, and its texts in that language.

::

    --lang ja|en  >  KANMON_LANG  >  LC_ALL  >  LC_MESSAGES  >  LANG  >  English

Two catalogues, both ``locale/ja/LC_MESSAGES/*.po``, compiled by `scripts/assets`:

* ``kanmon``: what a command line says itself, asked for by `tr` and `plural`. Click asks the same
  catalogue for its own texts, through the standard library's text domain.
* ``told``: what the packages below a command line say: findings, refusals, a daemon's answers.
  They are made in English, far from any command line, and often in another process; `told` finds
  the pattern a text was made from and says it in Japanese. See docs/adr/0010.

Nothing is read before the first Japanese text is needed: a daemon carries no catalogue.
Source: the standard library's gettext; POSIX 8.2 (order of the variables).
"""

from __future__ import annotations

import codecs
import gettext
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("en", "ja")
DOMAIN: Final = "kanmon"
VARIABLE: Final = "KANMON_LANG"
LOCALES: Final = Path(__file__).parent / "locale"
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

    What a program reads is English: with ``--json`` the wish is passed over.
    """
    wished = _given(words) or environment.get(VARIABLE) or _locale(environment)
    language = _known(wished) or "en"
    return language if _holds(encoding) and "--json" not in words else "en"


def _locale(environment: Mapping[str, str]) -> str:
    """The locale for messages; a variable that is empty counts as unset."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    return next((environment[name] for name in names if environment.get(name)), "")


def _given(words: Sequence[str]) -> str:
    """What stands after ``--lang``, before the first command."""
    rest = iter(words)
    for word in rest:
        if word == "--":
            break
        if word == "--lang":
            return next(rest, "")
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
    return ""


def _known(locale: str) -> str | None:
    short = locale.partition(".")[0].partition("_")[0].partition("-")[0].lower()
    return short if short in LANGUAGES else None


def _holds(encoding: str | None) -> bool:
    try:
        _PROBE.encode(codecs.lookup(encoding or "ascii").name)
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def begin(words: Sequence[str] | None = None) -> str:
    """Speak the language of this call from now on, click included; returns which."""
    given = sys.argv[1:] if words is None else words
    language = choose(given, os.environ, getattr(sys.stdout, "encoding", None))
    use(language)
    return language


def use(language: str) -> None:
    """Speak ``language`` from now on. Process-wide, as the standard library's text domain is."""
    os.environ["LANGUAGE"] = language  # gettext's own name for it, before every locale
    gettext.bindtextdomain(DOMAIN, LOCALES)
    gettext.textdomain(DOMAIN)


def current() -> str:
    """The language in use; English before `begin`."""
    chosen = os.environ.get("LANGUAGE", "")
    return chosen if chosen in LANGUAGES and gettext.textdomain() == DOMAIN else "en"


def tr(text: str, /, **fields: object) -> str:
    """``text`` in the language in use, ``{name}`` filled with ``fields``."""
    said = gettext.gettext(text) if text else text
    return said.format(**fields) if fields else said


def plural(one: str, many: str, number: int, /, **fields: object) -> str:
    """`tr` with a number: ``one`` for 1, else ``many``; ``{n}`` is the number."""
    return gettext.ngettext(one, many, number).format(n=number, **fields)


def marked(text: str) -> str:
    """``text`` itself; tells the catalogue that somebody will ask `tr` for it later."""
    return text


def counted(one: str, many: str) -> tuple[str, str]:
    """Both texts; tells the catalogue that somebody will ask `plural` for them later."""
    return one, many


def told(text: str) -> str:
    """``text``, made in English by a package below the command line, in the language in use.

    What no pattern matches stays English: better than nothing, and a test finds the pattern that
    is missing.
    """
    if not text or current() == "en":
        return text
    from console.patterns import japanese

    return japanese().said(text)
