"""How the portal's processes log: a line an event, ``event_name key=value ...`` (logfmt).

An event's name is snake_case and never holds a value, so that a log can be searched by it; values
are fields. Lines go through the standard library's logging: settings decide where to.
"""

from __future__ import annotations

import logging
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

_logfmt = structlog.processors.LogfmtRenderer(bool_as_flag=False)


def event_log(name: str) -> structlog.stdlib.BoundLogger:
    """The log of a module called ``name``; events take their fields as keyword arguments.

    Configured by itself: the gateway's parts configure structlog as a whole for their process.
    """
    log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[structlog.stdlib.filter_by_level, _line],
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return log


def _line(_: WrappedLogger, __: str, fields: EventDict) -> tuple[tuple[str], dict[str, Any]]:
    """The arguments of the standard library's method for an event."""
    event = str(fields.pop("event"))
    exc_info = fields.pop("exc_info", None)
    shown = {key: _printable(value) for key, value in fields.items()}
    return (f"{event} {_logfmt(None, '', shown)}".rstrip(),), {"exc_info": exc_info}


def _printable(value: object) -> object:
    """Text without control characters: what boxes send must not forge lines or move a cursor."""
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
