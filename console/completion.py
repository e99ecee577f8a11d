"""``completion SHELL``: the script by which a shell completes a program's words.

The script calls the program itself with a variable set, and it answers from its own commands
(`console.shells`). Source: click's shell_completion.
"""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

from console import shells
from console.output import say

SHELLS: Final = ("bash", "zsh", "fish")


def variable(program: str) -> str:
    """The environment variable by which the script asks ``program`` for completions."""
    return f"_{program.replace('-', '_').upper()}_COMPLETE"


def completion_command(program: str) -> click.Command:
    """Make the command ``completion`` of ``program``."""

    @click.command("completion")
    @click.argument("shell", type=click.Choice(SHELLS))
    @click.pass_context
    def completion(context: click.Context, shell: str) -> None:
        """Print a shell completion script.

        The script completes commands and options, and for kanmon the names of devices, profiles and
        settings. For the current bash session: source <(kanmon completion bash). For every session,
        save the script in a folder of bash-completion, in a folder of zsh's fpath as _kanmon, or in
        ~/.config/fish/completions.
        """
        shells.use()
        found = get_completion_class(shell)
        assert found is not None  # the choice above holds only shells that click knows
        script = found(context.find_root().command, {}, program, variable(program))
        say(*script.source().split("\n"))

    return completion
