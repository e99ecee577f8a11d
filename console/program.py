"""One run of a command line, from its arguments to its exit code; every error is shown.

::

    broken pipe              nothing                                                 0
    wrong usage              how the command is used                                 3
    a refusal                what, where, why, next (`console.failure`)              2
    an internal error        that it is one, and how to see where                    2
    output not writable      an error on standard error, as text                     2

A traceback is shown only with ``verbose``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn

import click

from console import language, output
from console.failure import (
    DONE,
    FAILED,
    USAGE,
    ErrorDescription,
    Failure,
    show_error,
)
from console.language import tr
from console.templates import system
from console.text import Message, Template, verbatim

INTERRUPTED: Final = Template("console.interrupted", "interrupted")
RUN_AGAIN: Final = Template(
    "console.run_again", "run the command again: what it had completed is kept"
)
OUTPUT_FAILED: Final = Template("console.output_failed", "the output cannot be written")
CHECK_OUTPUT: Final = Template(
    "console.check_output",
    "check where the output goes: the disk may be full, or the file read-only",
)
INTERNAL_ERROR: Final = Template("console.internal_error", "internal error of {program}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program with a command line.

    Attributes:
        name: The command that users type.
        commands: The program's commands.
        describe: Returns the description of an error; ``None`` for an internal error.
        fault_next: The next step after an internal error, and how to see where it happened.
    """

    name: str
    commands: click.Command
    describe: Callable[[Exception], ErrorDescription | None]
    fault_next: Message

    def run(self, *, verbose: bool) -> NoReturn:
        """Run the command of ``sys.argv`` and exit; ``verbose`` shows the traceback of a fault."""
        output.prepare()
        language.begin()
        try:
            code = self._run(sys.argv[1:], verbose=verbose)
            sys.stdout.flush()
        except (BrokenPipeError, output.ReaderGoneError):
            code = DONE
        except OSError as error:  # the error could not be written either
            code = FAILED
            described = ErrorDescription(
                what=OUTPUT_FAILED(), why=system.reason(error), next=CHECK_OUTPUT()
            )
            with suppress(OSError):
                show_error(self.name, described, as_json=False)
        output.settle()
        sys.exit(code)

    def _run(self, words: list[str], *, verbose: bool) -> int:
        as_json = "--json" in words
        try:
            result = self.commands.main(words, prog_name=self.name, standalone_mode=False)
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else FAILED
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return USAGE
        except click.UsageError as error:
            from console.usage import show_usage_error  # not what a daemon carries

            return show_usage_error(self.name, error, self.commands, words)
        except (click.Abort, KeyboardInterrupt):
            self._interrupted(as_json=as_json)
            return FAILED
        except (BrokenPipeError, output.ReaderGoneError):
            raise
        except Exception as error:  # shown: a traceback helps no technician on site
            if output.is_output_error(error):
                raise
            show_error(self.name, self._described(error, verbose=verbose), as_json=as_json)
            return FAILED
        return result if isinstance(result, int) else DONE

    def _described(self, error: Exception, *, verbose: bool) -> ErrorDescription:
        if isinstance(error, Failure):
            return error.description
        described = self.describe(error)
        if described is None and verbose:
            raise error
        return described or ErrorDescription(
            what=INTERNAL_ERROR(program=self.name),
            why=verbatim(f"{type(error).__name__}: {error}"),
            next=self.fault_next,
        )

    def _interrupted(self, *, as_json: bool) -> None:
        described = ErrorDescription(what=INTERRUPTED(), next=RUN_AGAIN())
        if as_json:
            show_error(self.name, described, as_json=True)
        else:
            click.echo(tr("Interrupted."), err=True)
