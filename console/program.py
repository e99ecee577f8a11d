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
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import click

from console import language, output
from console.failure import DONE, FAILED, USAGE, click_error_fields, show_error, show_usage_error
from console.language import tr, tr_noop

INTERRUPTED: Final = tr_noop("Interrupted.")
_STOPPED: Final = "interrupted"
_AGAIN: Final = "run the command again: what it had done stays"
_OUTPUT: Final = "the output cannot be written"
_OUTPUT_NEXT: Final = "look at where it goes: a disk that is full, a file that may not be written"
_FAULT: Final = "this is a fault of kanmon itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program with a command line.

    Attributes:
        name: The command that users type.
        commands: The program's commands.
        error_fields: Returns the fields of an error; ``None`` for an internal error.
        fault_next: The next step after an internal error, and how to see where it happened.
    """

    name: str
    commands: click.Command
    error_fields: Callable[[Exception], Mapping[str, Any] | None]
    fault_next: str

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
            why = (error.strerror or str(error)).lower()
            fields = {"what": _OUTPUT, "why": why, "next": _OUTPUT_NEXT}
            with suppress(OSError):
                show_error(self.name, fields, as_json=False)
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
            return show_usage_error(self.name, error, words)
        except (click.Abort, KeyboardInterrupt):
            self._interrupted(as_json=as_json)
            return FAILED
        except (BrokenPipeError, output.ReaderGoneError):
            raise
        except Exception as error:  # shown: a traceback helps no technician on site
            if output.is_output_error(error):
                raise
            show_error(self.name, self._fields(error, verbose=verbose), as_json=as_json)
            return FAILED
        return result if isinstance(result, int) else DONE

    def _fields(self, error: Exception, *, verbose: bool) -> Mapping[str, Any]:
        if isinstance(error, click.ClickException):
            return click_error_fields(error)
        fields = self.error_fields(error)
        if fields is None and verbose:
            raise error
        why = f"{type(error).__name__}: {error}"
        return fields or {"what": _FAULT, "why": why, "next": self.fault_next}

    def _interrupted(self, *, as_json: bool) -> None:
        if as_json:
            show_error(self.name, {"what": _STOPPED, "next": _AGAIN}, as_json=True)
        else:
            click.echo(tr(INTERRUPTED), err=True)
