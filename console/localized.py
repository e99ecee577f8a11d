"""A click command in the language in use: its help, its options, its commands.

Commands are written in English, help in their docstrings. What is shown is a copy of the command;
with English nothing is copied and no catalogue read.
"""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import click

from console.language import current, tr, tr_noop
from console.output import ReaderGoneError
from console.wrapping import WideFormatter

C = TypeVar("C", bound=click.Command)
CLICK_WORDS: Final = (tr_noop("required"),)
"""Texts that click looks up by a variable, which extraction does not see."""


class WideContext(click.Context):
    """A context whose help knows that some characters are two cells wide."""

    formatter_class = WideFormatter


def help_text(command: click.Command) -> str:
    """A command's help as the catalogue has it: one line a paragraph, up to a form feed."""
    text = inspect.cleandoc(command.help or "").partition("\f")[0].strip()
    paragraphs = (p if p.startswith("\b") else " ".join(p.split()) for p in text.split("\n\n"))
    return "\n\n".join(paragraphs)


def localized(command: C) -> C:
    """A copy of ``command`` and of all below it in the language in use; in English, itself."""
    if current() == "en":
        return command
    shown = copy.copy(command)
    shown.context_class = WideContext
    shown.help = tr(help_text(command)) or None
    # click's own way to shorten a help looks for blanks, which Japanese has not.
    shown.short_help = tr(command.short_help) if command.short_help else _first(shown.help or "")
    shown.epilog = tr(command.epilog) if command.epilog else None
    shown.params = [_parameter(one) for one in command.params]
    if isinstance(shown, click.Group) and isinstance(command, click.Group):
        shown.commands = {name: localized(one) for name, one in command.commands.items()}
    if isinstance(shown, Commands):
        shown.localizes = True
    return shown


def _first(text: str) -> str:
    """The first paragraph of a help, which is its summary."""
    return text.partition("\n\n")[0].replace("\n", "")


def _parameter(parameter: click.Parameter) -> click.Parameter:
    shown = copy.copy(parameter)
    if isinstance(shown, click.Option) and shown.help:
        shown.help = tr(shown.help)
    return shown


class Commands(click.Group):
    """The top group of a program; its help and its commands are shown in the language in use.

    Attributes:
        daemons: Commands that run for months: they load no catalogue, unless for their help.
        localizes: Whether commands are shown in the language in use.
    """

    context_class = WideContext
    daemons: frozenset[str] = frozenset()
    localizes = False

    def main(self, *args: Any, **extra: Any) -> Any:
        """As `click.Group.main`; a shell gets its completions from `console.shells`."""
        if any(name.endswith("_COMPLETE") for name in os.environ):
            from console import shells

            shells.use()
        return super().main(*args, **extra)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """As `click.Group.make_context`; a broken pipe while help is shown is not a failure."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except BrokenPipeError as error:
            raise ReaderGoneError from error

    def invoke(self, ctx: click.Context) -> Any:
        """As `click.Group.invoke`; a broken pipe is not a failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGoneError from error

    def untranslated(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command ``name`` with its English texts."""
        return super().get_command(ctx, name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called ``cmd_name``, if there is one."""
        found = self.untranslated(ctx, cmd_name)
        return localized(found) if found is not None and self.localizes else found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As `click.Group.resolve_command`; the command's help is in the language in use.

        Raises:
            click.NoSuchCommand: It suggests those of `list_commands`, loaded or not.
        """
        try:
            name, found, rest = super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            known = self.list_commands(ctx)
            raise click.NoSuchCommand(error.command_name, possibilities=known, ctx=ctx) from None
        if found is not None and (name not in self.daemons or _asks_help(rest)):
            found = localized(found)
        return name, found, rest

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help in the language in use."""
        click.Group.format_help(self if self.localizes else localized(self), ctx, formatter)


def _asks_help(words: Sequence[str]) -> bool:
    return not {"-h", "--help"}.isdisjoint(words)
