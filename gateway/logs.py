"""The daemon's log: ``key=value`` on a terminal, JSON lines otherwise; one line an event.

What is not printable is escaped in either form: devices and peers choose many of the values.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO

import structlog

from console.log_line import one_line, shortened

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger


def configure(
    stream: TextIO | None = None, *, verbose: bool = False, as_json: bool = False
) -> None:
    """Send every log event to ``stream``, those of libraries included.

    Args:
        stream: The stream, standard error by default; a terminal gets ``key=value`` lines.
        verbose: Whether to log debug events.
        as_json: Whether to log JSON on a terminal, too.
    """
    out = stream or sys.stderr
    level = logging.DEBUG if verbose else logging.INFO
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _shorten,
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor
    if out.isatty() and not as_json:
        renderer = structlog.processors.KeyValueRenderer(
            key_order=["timestamp", "level", "event"], drop_missing=True
        )
    else:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)

    def line(logger: WrappedLogger, name: str, event: EventDict) -> str:
        return one_line(str(renderer(logger, name, event)))

    structlog.configure(
        processors=[*shared, line],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, line],
        foreign_pre_chain=shared,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def _shorten(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Cut long texts: who chooses a value does not choose the size of the log."""
    return {
        key: shortened(value) if isinstance(value, str) else value for key, value in event.items()
    }
