"""Wrong usage of a command line: which word of it is wrong, and what to write instead.

Click finds the fault; the sentence is ours, so that it is data, in both languages::

    kanmon device lst      the command 'lst' does not exist              did you mean list?
    kanmon --json status   the option is written before the command      write it after the command
    kanmon --lang fr       '--lang' must be one of en and ja, not 'fr'   see `kanmon --help`
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from console.failure import USAGE, ErrorDescription, show_error
from console.output import plain_line
from console.templates.control import DID_YOU_MEAN
from console.text import NO_MESSAGE, Message, Template

NO_SUCH_COMMAND: Final = Template("console.no_such_command", "the command '{name}' does not exist")
NO_SUCH_OPTION: Final = Template("console.no_such_option", "the option '{name}' does not exist")
OPTION_TOO_EARLY: Final = Template(
    "console.option_too_early", "the option '{name}' is written before the command"
)
WRITE_AFTER: Final = Template("console.write_after", "write {name} after the command")
MISSING_COMMAND: Final = Template("console.missing_command", "the command is missing")
MISSING_ARGUMENT: Final = Template("console.missing_argument", "the argument '{name}' is missing")
MISSING_OPTION: Final = Template("console.missing_option", "the option '{name}' is missing")
EXTRA_ARGUMENT: Final = Template(
    "console.extra_argument", "the command does not take the argument '{value}'"
)
NEEDS_VALUE: Final = Template("console.needs_value", "the option '{name}' needs a value")
TAKES_NO_VALUE: Final = Template(
    "console.takes_no_value", "the option '{name}' does not take a value"
)
NOT_A_CHOICE: Final = Template(
    "console.not_a_choice", "'{name}' must be one of {choices}, not '{value}'"
)
NOT_AN_INTEGER: Final = Template(
    "console.not_an_integer", "'{name}' must be a whole number, not '{value}'"
)
NOT_A_NUMBER: Final = Template("console.not_a_number", "'{name}' must be a number, not '{value}'")
TOO_SMALL: Final = Template("console.too_small", "'{name}' must be at least {limit}, not {value}")
TOO_LARGE: Final = Template("console.too_large", "'{name}' must be at most {limit}, not {value}")
PATH_MISSING: Final = Template(
    "console.path_missing", "the path '{value}' given for '{name}' does not exist"
)
PATH_IS_FOLDER: Final = Template(
    "console.path_is_folder", "'{value}' is a folder, but '{name}' must be a file"
)
PATH_IS_FILE: Final = Template(
    "console.path_is_file", "'{value}' is a file, but '{name}' must be a folder"
)
PATH_DENIED: Final = Template(
    "console.path_denied", "this account is not allowed to read '{value}', given for '{name}'"
)
INVALID_VALUE: Final = Template(
    "console.invalid_value", "'{value}' is not a valid value of '{name}'"
)
WRONG_USAGE: Final = Template("console.wrong_usage", "the command is incomplete or invalid")
SEE_HELP: Final = Template("console.see_help", "see `{command} --help`")


class WrongUsage(click.UsageError):
    """Wrong usage that a command finds itself; without a next step, that is to see the help."""

    def __init__(self, what: Message, *, next_step: Message = NO_MESSAGE) -> None:
        super().__init__(str(what))
        self.what = what
        self.next_step = next_step


class WrongValue(click.BadParameter):
    """A value that a parameter of ours refuses; without a next step, that is to see the help."""

    def __init__(
        self,
        what: Message,
        param: click.Parameter | None = None,
        ctx: click.Context | None = None,
        *,
        next_step: Message = NO_MESSAGE,
    ) -> None:
        super().__init__(str(what), ctx, param)
        self.what = what
        self.next_step = next_step


def describe_usage(
    error: click.UsageError, root: click.Command, program: str, words: Sequence[str]
) -> tuple[ErrorDescription, click.Context]:
    """The description of wrong usage, and the context of the command that it is about.

    Args:
        error: What click found.
        root: The program's commands.
        program: The program's name.
        words: The arguments of the program.
    """
    context = error.ctx or _context(root, program, words)
    what, step = _fault(error, context, words)
    where = _name(error.param) if isinstance(error, WrongValue) and error.param else ""
    step = step or SEE_HELP(command=context.command_path)
    return ErrorDescription(what=what, where=where, next=step), context


def show_usage_error(
    program: str, error: click.UsageError, root: click.Command, words: Sequence[str]
) -> int:
    """Show what is wrong and the usage of the command; returns the exit code."""
    described, context = describe_usage(error, root, program, words)
    as_json = "--json" in words
    if not as_json:
        click.echo(plain_line(context.get_usage()), err=True)
    show_error(program, described, as_json=as_json)
    return USAGE


def _fault(
    error: click.UsageError, context: click.Context, words: Sequence[str]
) -> tuple[Message, Message]:
    """What is wrong, and the next step where there is a better one than the help."""
    if isinstance(error, WrongUsage | WrongValue):
        return error.what, error.next_step
    if isinstance(error, click.NoSuchCommand):
        return NO_SUCH_COMMAND(name=error.command_name), _nearest(error.possibilities)
    if isinstance(error, click.NoSuchOption):
        name = error.option_name
        if name == "--json" and isinstance(context.command, click.Group):
            return OPTION_TOO_EARLY(name=name), WRITE_AFTER(name=name)
        return NO_SUCH_OPTION(name=name), _nearest(error.possibilities)
    if isinstance(error, click.BadOptionUsage):
        return _value_usage(error.option_name, context), NO_MESSAGE
    if isinstance(error, click.BadParameter) and error.param is not None:
        return _bad_parameter(error, error.param, context, words), NO_MESSAGE
    return _leftover(context, words), NO_MESSAGE


def _nearest(names: Sequence[str] | None) -> Message:
    return DID_YOU_MEAN(name=names[0]) if names else NO_MESSAGE


def _value_usage(name: str, context: click.Context) -> Message:
    flags = {
        option
        for one in context.command.get_params(context)
        if isinstance(one, click.Option) and one.is_flag
        for option in (*one.opts, *one.secondary_opts)
    }
    return TAKES_NO_VALUE(name=name) if name in flags else NEEDS_VALUE(name=name)


def _leftover(context: click.Context, words: Sequence[str]) -> Message:
    """The first word that no parameter takes; click tells it only within a sentence."""
    if isinstance(context.command, click.Group):
        return MISSING_COMMAND()
    _options, rest = _parsed(context, words)
    return EXTRA_ARGUMENT(value=rest[0]) if rest else WRONG_USAGE()


def _bad_parameter(
    error: click.BadParameter,
    parameter: click.Parameter,
    context: click.Context,
    words: Sequence[str],
) -> Message:
    name = _name(parameter)
    if isinstance(error, click.MissingParameter):
        is_option = isinstance(parameter, click.Option)
        return MISSING_OPTION(name=name) if is_option else MISSING_ARGUMENT(name=name)
    value = _refused(parameter, context, words)
    kind: Any = parameter.type
    if isinstance(kind, click.Choice):
        choices = tuple(str(one) for one in kind.choices)
        return NOT_A_CHOICE(name=name, value=value, choices=choices)
    if isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
        return _bad_number(name, value, kind)
    return _bad_path(name, value) if isinstance(kind, click.Path) else _invalid(name, value)


def _bad_number(name: str, value: str, kind: Any) -> Message:
    whole = isinstance(kind, click.types.IntParamType)
    try:
        number = int(value) if whole else float(value)
    except ValueError:
        return (
            NOT_AN_INTEGER(name=name, value=value)
            if whole
            else NOT_A_NUMBER(name=name, value=value)
        )
    least, most = getattr(kind, "min", None), getattr(kind, "max", None)
    if least is not None and number < least:
        return TOO_SMALL(name=name, value=value, limit=least)
    if most is not None and number > most:
        return TOO_LARGE(name=name, value=value, limit=most)
    return NOT_A_NUMBER(name=name, value=value)  # nan is neither


def _bad_path(name: str, value: str) -> Message:
    """What click's `Path` refuses with the settings that our commands use."""
    path = Path(value)
    if not path.exists():
        return PATH_MISSING(name=name, value=value)
    if not os.access(path, os.R_OK):
        return PATH_DENIED(name=name, value=value)
    which = PATH_IS_FOLDER if path.is_dir() else PATH_IS_FILE
    return which(name=name, value=value)


def _invalid(name: str, value: str) -> Message:
    return INVALID_VALUE(name=name, value=value)


def _name(parameter: click.Parameter) -> str:
    """What the usage calls a parameter: ``--lang``, ``FILE``."""
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return parameter.human_readable_name


def _refused(parameter: click.Parameter, context: click.Context, words: Sequence[str]) -> str:
    """The value that the parameter's type does not take, as it was written."""
    options, _rest = _parsed(context, words)
    value, _source = parameter.consume_value(context, options)
    for one in value if isinstance(value, list | tuple) else (value,):
        try:
            parameter.type(one, parameter, context)
        except click.BadParameter:
            return str(one)
    return str(value)


def _parsed(context: click.Context, words: Sequence[str]) -> tuple[Mapping[str, Any], list[str]]:
    """What the words give to the context's command, not yet converted, and what they leave."""
    chain = [context]
    while chain[0].parent is not None:
        chain.insert(0, chain[0].parent)
    options: Mapping[str, Any] = {}
    rest = ["", *words]
    for one in chain:  # a group leaves the name of its command and that command's words
        options, rest, _order = one.command.make_parser(one).parse_args(rest[1:])
    return options, rest


def _context(root: click.Command, program: str, words: Sequence[str]) -> click.Context:
    """The context of the command that the words call, as far as they call one."""
    context = click.Context(root, info_name=program)
    for word in words:
        if not isinstance(context.command, click.Group):
            break
        found = None if word.startswith("-") else context.command.get_command(context, word)
        if found is not None:
            context = click.Context(found, info_name=word, parent=context)
    return context
