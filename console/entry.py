"""One call of a command line, from its words to its exit code; whatever happens, it is told.

::

    the reader has gone      nothing is left to say                                  0
    wrong usage              how the command is used                                 3
    a refusal                what, where, why, next (`console.failure`)              2
    a fault of our own       that it is one, and how to see where                    2
    nowhere to write to      so on standard error, as text                           2

A traceback is never shown, unless it was asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import click

from console import language, output
from console.failure import DONE, FAILED, USAGE, complain, fields_of, wrong_usage
from console.language import marked, tr

INTERRUPTED: Final = marked("Interrupted.")
_STOPPED: Final = "interrupted"
_AGAIN: Final = "run the command again: what it had done stays"
_OUTPUT: Final = "the output cannot be written"
_OUTPUT_NEXT: Final = "look at where it goes: a disk that is full, a file that may not be written"
_FAULT: Final = "this is a fault of kanmon itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command line.

    Attributes:
        name: What people type.
        commands: Its commands.
        refused: The fields of an error that it knows how to tell; ``None``: a fault of its own.
        fault_next: What to do about a fault, and how to see where it happened.
    """

    name: str
    commands: click.Command
    refused: Callable[[Exception], Mapping[str, Any] | None]
    fault_next: str

    def call(self, *, verbose: bool) -> NoReturn:
        """Do what the process's words say, and end it; ``verbose``: with a fault's traceback."""
        output.prepare()
        language.begin()
        try:
            code = self._done(sys.argv[1:], verbose=verbose)
            sys.stdout.flush()
        except (BrokenPipeError, output.ReaderGoneError):
            code = DONE
        except OSError as error:  # neither could the complaint be written
            code = FAILED
            why = (error.strerror or str(error)).lower()
            told = {"what": _OUTPUT, "why": why, "next": _OUTPUT_NEXT}
            with suppress(OSError):
                complain(self.name, told, as_json=False)
        output.settle()
        sys.exit(code)

    def _done(self, words: list[str], *, verbose: bool) -> int:
        as_json = "--json" in words
        try:
            result = self.commands.main(words, prog_name=self.name, standalone_mode=False)
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else FAILED
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return USAGE
        except click.UsageError as error:
            return wrong_usage(self.name, error, words)
        except (click.Abort, KeyboardInterrupt):
            self._interrupted(as_json=as_json)
            return FAILED
        except (BrokenPipeError, output.ReaderGoneError):
            raise
        except Exception as error:  # told: a traceback helps nobody on site
            if output.fails(error):
                raise
            complain(self.name, self._fields(error, verbose=verbose), as_json=as_json)
            return FAILED
        return result if isinstance(result, int) else DONE

    def _fields(self, error: Exception, *, verbose: bool) -> Mapping[str, Any]:
        if isinstance(error, click.ClickException):
            return fields_of(error)
        fields = self.refused(error)
        if fields is None and verbose:
            raise error
        why = f"{type(error).__name__}: {error}"
        return fields or {"what": _FAULT, "why": why, "next": self.fault_next}

    def _interrupted(self, *, as_json: bool) -> None:
        if as_json:
            complain(self.name, {"what": _STOPPED, "next": _AGAIN}, as_json=True)
        else:
            click.echo(tr(INTERRUPTED), err=True)
