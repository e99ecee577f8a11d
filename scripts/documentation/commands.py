"""The click trees as pages and manual pages, in both languages.

Sources: man(7); groff_man(7) for what its macros take.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import click

from console import language, localized
from console.wrapping import pieces
from scripts.documentation.words import (
    ENVIRONMENT,
    FILES,
    HEADINGS,
    JSON_ERROR,
    JSON_EXAMPLE,
    STATUS,
)

EDITION: Final = "2026-11-21"
"""When the manual pages last changed in more than what the commands say themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEntry:
    """A command as a page shows it.

    Attributes:
        path: Its whole name: ``kanmon device read``.
        usage: What follows the name.
        help: Its paragraphs.
        options: What each is written as, and what it does.
        group: Whether it only holds others.
    """

    path: str
    usage: str
    help: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    group: bool


def shown(program: str, root: click.Command, tongue: str) -> list[CommandEntry]:
    """A program and all its commands, parents first, in a language."""
    language.use(tongue)
    try:
        return list(_walk(localized.localized(root), None, program))
    finally:
        language.use("en")


def _walk(
    command: click.Command, parent: click.Context | None, name: str
) -> Iterator[CommandEntry]:
    context = click.Context(command, parent=parent, info_name=name)
    options = [
        record
        for one in command.params  # --help is not among them: every command has it
        if isinstance(one, click.Option) and (record := one.get_help_record(context))
    ]
    yield CommandEntry(
        path=context.command_path,
        usage=" ".join(command.collect_usage_pieces(context)),
        help=tuple(localized.help_text(command).split("\n\n")),
        options=tuple(options),
        group=isinstance(command, click.Group),
    )
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from _walk(found, context, below)


def page(programs: dict[str, click.Command], tongue: str) -> str:
    """All commands as one page of Markdown."""
    said = HEADINGS[tongue]
    lines = [f"# {said['commands of both']}", "", said["written"], ""]
    for program, root in programs.items():
        for one in shown(program, root, tongue):
            level = "##" if one.path == program else "###"
            lines += [f"{level} {one.path}", "", f"    {one.path} {one.usage}".rstrip(), ""]
            lines += [line for paragraph in one.help for line in (_escaped(paragraph), "")]
            if one.options:
                lines += [f"| {said['option']} | {said['meaning']} |", "| --- | --- |"]
                lines += [f"| `{_cell(t)}` | {_escaped(_cell(m))} |" for t, m in one.options]
                lines.append("")
    lines += [f"## {said['EXIT STATUS']}", "", f"| {said['code']} | {said['meaning']} |"]
    lines += ["| --- | --- |", *(f"| {n} | {text} |" for n, text in STATUS[tongue].items())]
    lines += ["", f"## {said['json']}", "", JSON_ERROR[tongue], "", f"    {JSON_EXAMPLE}"]
    for heading, table in (("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)):
        for program in programs:
            lines += ["", f"## {said[heading]}: {program}", "", "| | |", "| --- | --- |"]
            lines += [f"| `{name}` | {text} |" for name, text in table[program][tongue].items()]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _escaped(text: str) -> str:
    """Words that Markdown would take for a tag or for emphasis."""
    return re.sub(r"([<*_])", r"\\\1", text)


def manual(program: str, root: click.Command, tongue: str) -> str:
    """The manual page of a program, section 1."""
    said = HEADINGS[tongue]
    first, *others = shown(program, root, tongue)
    lines = [
        '.\\" Written by scripts/docs from the commands themselves.',
        *(() if tongue == "en" else (".nh", ".ad l")),
        f'.TH {program.upper()} 1 {EDITION} Kanmon "{said["manual"]}"',
        f".SH {_quoted(said['NAME'])}",
        f"{_roff(program)} \\- {_roff(first.help[0].rstrip('.。'))}",
        f".SH {_quoted(said['SYNOPSIS'])}",
        f".B {_roff(program)}",
        _roff(first.usage),
        f".SH {_quoted(said['OPTIONS'])}",
        *_options(first),
        f".SH {_quoted(said['COMMANDS'])}",
    ]
    for one in others:
        lines += [f".SS {_quoted(one.path.partition(' ')[2] + ' ' + one.usage)}"]
        for number, paragraph in enumerate(one.help):
            lines += [*([".PP"] if number else []), *_lines(paragraph)]
        lines += _options(one)
    for heading, table in (
        ("EXIT STATUS", STATUS[tongue]),
        ("ENVIRONMENT", ENVIRONMENT[program][tongue]),
        ("FILES", FILES[program][tongue]),
    ):
        lines.append(f".SH {_quoted(said[heading])}")
        for term, meaning in table.items():
            lines += [".TP", f".B {_roff(str(term))}", *_lines(meaning)]
    other = "kanmon-portal" if program == "kanmon" else "kanmon"
    lines += [f".SH {_quoted(said['SEE ALSO'])}", f".BR {_roff(other)} (1)"]
    return "\n".join(lines) + "\n"


def _options(one: CommandEntry) -> Iterator[str]:
    for term, meaning in one.options:
        yield ".TP"
        yield f".B {_roff(term)}"
        yield from _lines(meaning or "\\&")


def _lines(text: str) -> list[str]:
    """A paragraph; a line that begins like a request is kept from being one."""
    line = _roff(" ".join(text.split()))
    return [f"\\&{line}" if line[:1] in (".", "'") else line]


def _roff(text: str) -> str:
    r"""Text as troff takes it; ``\:`` says where a line of wide characters may end."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\:".join(pieces(escaped)) if not text.isascii() else escaped


def _quoted(text: str) -> str:
    return '"' + _roff(text).replace('"', "\\(dq") + '"'
