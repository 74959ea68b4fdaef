"""Structured logs: one wide line of JSON per unit of work, its name constant, ids instead of objects, no personal data."""

import logging
import re
import sys
import traceback
from pathlib import Path
from typing import Any, TextIO

import orjson
import structlog

NUMBER = re.compile(r"(?!\d{1,3}(?:\.\d{1,3}){3}\b)\+?\d[\d\s().-]{7,}\d")
"""What looks like a telephone number; the last guard, where something slipped through. Not an IPv4 address."""

ALLOWED = frozenset({
    "timestamp", "event", "level", "account_id", "notification_id", "request_id", "event_id", "concern", "sid", "attempt",
    "duration_ms", "count", "offset_seconds", "plan_id", "fact_key", "customer_id", "challenge_id", "port", "listen", "error",
})  # fmt: skip
"""Fields that hold ids, times and counts, which may look like numbers."""


def _redact(_logger: Any, _method: str, event: Any) -> Any:
    for key, value in event.items():
        if isinstance(value, str) and key not in ALLOWED:
            event[key] = NUMBER.sub("[number]", value)
    return event


def _where_it_failed(_logger: Any, _method: str, event: Any) -> Any:
    """An exception as its type and the lines it came through: its message and local values may hold anything."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)[-12:]
        event["exception"] = type(error).__name__
        event["came_through"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _dumps(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def configure(service: str, level: str = "INFO", to: TextIO | None = None) -> None:
    """Sends our own and every library's log lines as JSON to standard error.

    Args:
        service: stands in every line.
        level: of our own lines; libraries log from WARNING on.
        to: elsewhere, for tests.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _where_it_failed,
        _redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(_dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(to or sys.stderr),
        cache_logger_on_first_use=to is None,
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(to or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                                                  structlog.processors.JSONRenderer(_dumps)],
        )
    )  # fmt: skip
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # it prints URLs, which hold numbers, and headers, which hold credentials
    logging.getLogger("twilio.async_http_client").setLevel(logging.WARNING)
