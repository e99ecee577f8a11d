"""Both command lines in both languages, as sphinx-click documents them; pages name them.

What sphinx-click would write in English beside an option (its default, its choices, its variable)
is taken from click instead, which says it in the page's language. Help is plain text here, not
reStructuredText, so its marks are escaped.
"""

from __future__ import annotations

import copy
import re

import click

from console import language, localized
from gateway.cli.main import kanmon as _gateway
from portal.cli.main import commands as _portal

_MARKUP = re.compile(r"([\\*`_|])")


def documented(command: click.Command, tongue: str) -> click.Command:
    """A copy of ``command``, with all commands below it, in a language."""
    language.use(tongue)
    try:
        return _copied(command, None, command.name or "")
    finally:
        language.use("en")


def _copied(command: click.Command, parent: click.Context | None, name: str) -> click.Command:
    shown = copy.copy(localized.localized(command))
    context = click.Context(shown, parent=parent, info_name=name)
    shown.help = _escaped(localized.help_text(shown))
    shown.params = [_option(one, context) for one in shown.params if isinstance(one, click.Option)]
    shown.params += [one for one in command.params if isinstance(one, click.Argument)]
    if isinstance(shown, click.Group):
        below = {one: shown.get_command(context, one) for one in shown.list_commands(context)}
        shown.commands = {
            one: _copied(found, context, one) for one, found in below.items() if found is not None
        }
    return shown


def _option(option: click.Option, context: click.Context) -> click.Option:
    shown = copy.copy(option)
    _, meaning = option.get_help_record(context) or ("", "")
    shown.help = _escaped(meaning)
    shown.metavar = option.make_metavar(context)
    shown.type, shown.show_default, shown.envvar = click.STRING, False, None
    return shown


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)


kanmon = documented(_gateway, "en")
kanmon_ja = documented(_gateway, "ja")
kanmon_portal = documented(_portal, "en")
kanmon_portal_ja = documented(_portal, "ja")
