r"""How each shell asks for completions and takes them: click's way, and for bash our own.

Bash takes a word apart at the characters of ``COMP_WORDBREAKS``, such as ``:`` and ``=`` of a URL,
replaces the last part only, and quotes nothing. So its script sends the line as it was typed, and
gets back what takes the place of that part::

    typed                                               bash replaces      it gets
    kanmon device read modbus-tcp://h/\?profile=eas     eas                eastron-sdm630
    kanmon device read 'modbus-tcp://h/?profile=eas     the whole word     modbus-tcp://h/?pro...

An error must not appear at a prompt: what cannot be completed completes to nothing, and a value
that cannot be printed is left out. Source: click's shell_completion; bash(1), "Programmable
Completion".
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import ClassVar, Final

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

from console.output import plain

_SAFE: Final = re.compile(r"([^\w@%+=:,./-])", re.ASCII)
"""A character that bash reads as more than itself outside of quotes."""
_SCRIPT: Final = r"""%(complete_func)s() {
    local kind value
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(
        env COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" COMP_WORDBREAKS="$COMP_WORDBREAKS" \
            COMP_WORD="${COMP_WORDS[COMP_CWORD]}" %(complete_var)s=bash_complete "$1"
    )
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _Quiet(ShellComplete):
    """Completes to nothing, instead of failing."""

    def complete(self) -> str:
        """What the shell's script reads; ``""`` after any error."""
        said = ""
        with suppress(Exception):
            said = super().complete()
        return said

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """As click's; each value and each help is one line that can be printed."""
        found = super().get_completions(args, incomplete)
        for item in found:
            item.help = " ".join(plain(item.help).split()) if item.help else None
        return [item for item in found if str(item.value).isprintable()]


class Bash(_Quiet, BashComplete):
    """Bash, which is sent the line as it was typed."""

    source_template: ClassVar[str] = _SCRIPT
    _typed = ""
    """The word in which the cursor stands, without its quotes."""

    def source(self) -> str:
        """The script, for bash 4.4 or newer; it may be meant for another machine."""
        return ShellComplete.source(self)  # click's looks for this machine's bash and warns

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, and the one that it stands in or after."""
        typed = os.environb[b"COMP_LINE"][: int(os.environb[b"COMP_POINT"])]
        # With one more character there always is a last word, whatever quote is still open.
        *words, last = split_arg_string(os.fsdecode(typed) + "x")
        self._typed = last[:-1]
        return words[1:], self._typed

    def format_completion(self, item: CompletionItem[str]) -> str:
        """The part of a value that takes the place of what bash calls a word."""
        value = str(item.value)
        if os.environ["COMP_WORD"][:1] not in ("'", '"'):
            breaks = set(os.environ["COMP_WORDBREAKS"]) - {" ", "\t", "\n"}
            ends = [at for at, char in enumerate(self._typed, 1) if char in breaks]
            value = value[ends[-1] if ends and value.startswith(self._typed[: ends[-1]]) else 0 :]
            value = _SAFE.sub(r"\\\1", value)
        return f"{item.type},{value}"


class Zsh(_Quiet, ZshComplete):
    """Zsh, which quotes what it inserts."""


class Fish(_Quiet, FishComplete):
    """Fish, which quotes what it inserts."""


def use() -> None:
    """Let click use these for every completion of this process."""
    for name, shell in (("bash", Bash), ("zsh", Zsh), ("fish", Fish)):
        add_completion_class(shell, name)
