"""How the portal's processes log: a line an event, ``event_name key=value ...`` (logfmt).

An event's name is snake_case and never holds a value, so that a log can be searched by it; values
are fields. Lines go through the standard library's logging: settings decide where to, and
`LineFormatter` keeps each on one line, a traceback included.

Lines about a box count against its `portal.log_budget.LogBudget`, and those that a stranger's
request causes against that of their logger and level (`RequestFilter`).
"""

from __future__ import annotations

import logging
from typing import Any, Final

import structlog
from structlog.typing import EventDict, WrappedLogger

from console.log_line import one_line, shortened
from portal.log_budget import LogBudget

LINE: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
"""The format of a line."""
LINE_LENGTH: Final = 16_000
"""Characters of a line, before any are escaped."""
TRACEBACK_LENGTH: Final = 8_000
_HALF: Final = TRACEBACK_LENGTH // 2

_REQUEST_LOGGERS: Final = ("django.request", "django.security.", "gunicorn.")

budget = LogBudget()
"""Of this process, by box."""
request_budget = LogBudget()
"""Of this process, by logger and level."""

_logfmt = structlog.processors.LogfmtRenderer(bool_as_flag=False)


class LineFormatter(logging.Formatter):
    """Formats each record as one line: what is not printable is escaped, line breaks too."""

    def __init__(self, fmt: str = LINE) -> None:
        super().__init__(fmt)

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, with its traceback."""
        return one_line(shortened(super().format(record), LINE_LENGTH))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        """A traceback; a long one without its middle, because its end says what was raised."""
        text = super().formatException(ei)
        return text if len(text) <= TRACEBACK_LENGTH else f"{text[:_HALF]}\n...\n{text[-_HALF:]}"


class RequestFilter(logging.Filter):
    """Lets through so many lines a minute about requests, of each logger and level.

    Any client that reaches a web server causes a line with each request that is refused, without
    signing in. Errors of the portal itself have a budget of their own, so that no flood hides them.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is logged; a refusal is, without the traceback of its way there."""
        if not record.name.startswith(_REQUEST_LOGGERS):
            return True
        if record.name.startswith("django.security."):
            record.exc_info = record.exc_text = None
        allowed = request_budget.take(f"{record.name}:{record.levelname}")
        for about, lines in request_budget.suppressed():
            _log.warning("log_lines_suppressed", about=about, lines=lines)
        return allowed


def event_log(name: str) -> structlog.stdlib.BoundLogger:
    """The log of a module called ``name``; events take their fields as keyword arguments.

    Configured by itself: the gateway's parts configure structlog as a whole for their process.
    """
    log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[structlog.stdlib.filter_by_level, _within_budget, _line],
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return log


def _within_budget(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    """Drop a line about a box, or about its messages, that is over the budget."""
    about = fields.get("box", fields.get("topic"))
    allowed = about is None or budget.take(str(about))
    log_suppressed()
    if not allowed:
        raise structlog.DropEvent
    return fields


def _line(_: WrappedLogger, __: str, fields: EventDict) -> tuple[tuple[str], dict[str, Any]]:
    """The arguments of the standard library's method for an event."""
    event = str(fields.pop("event"))
    exc_info = fields.pop("exc_info", None)
    shown = {key: _printable(value) for key, value in fields.items()}
    return (f"{event} {_logfmt(None, '', shown)}".rstrip(),), {"exc_info": exc_info}


def _printable(value: object) -> object:
    """Text without control characters: what boxes send must not forge lines or move a cursor."""
    return value if value is None or isinstance(value, bool) else one_line(shortened(str(value)))


_log = event_log(__name__)


def log_suppressed() -> None:
    """Log for each box how many lines were left out in its minute that has ended."""
    for box, lines in budget.suppressed():
        _log.warning("log_lines_suppressed", box=box, lines=lines)
