"""Logs go to stderr: for people by default, as JSON lines when asked."""

import logging
import sys

import structlog

from hadua.models.legible import legible

LONGEST = 8000  # characters of one text in a line


def configure_logs(*, level: str, json: bool) -> None:
    """Send our logs and those of the libraries through one formatter.

    Args:
        level: Least important level to write.
        json: One JSON object a line instead of text.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _legibly,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_last(json)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("alembic", "asyncio", "httpx", "uvicorn", "websockets"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def _legibly(
    _: structlog.typing.WrappedLogger, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Every text of a line without what would begin another, or move a terminal's cursor.

    Names of streams, files and clients are others' words. Tracebacks keep their lines.
    """
    return {
        key: legible(value, longest=LONGEST) if isinstance(value, str) else value
        for key, value in event.items()
    }


def _last(json: bool) -> list[structlog.typing.Processor]:
    if json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    colours = sys.stderr.isatty()
    return [
        structlog.dev.ConsoleRenderer(
            colors=colours, exception_formatter=structlog.dev.plain_traceback
        )
    ]
