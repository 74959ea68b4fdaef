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
    "duration_ms", "count", "offset_seconds", "plan_id", "fact_key", "customer_id", "challenge_id", "port", "listen",
})  # fmt: skip
"""Fields that hold ids, times and counts, which may look like numbers."""

KIND_OF_ERROR = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")
"""The name of an exception's type: all that ``error`` may hold."""


def _redact(_logger: Any, _method: str, event: Any) -> Any:
    for key, value in event.items():
        if isinstance(value, str) and key not in ALLOWED:
            event[key] = NUMBER.sub("[number]", value)
    return event


def _only_the_kind_of_error(_logger: Any, _method: str, event: Any) -> Any:
    """``error`` names a type. What an exception says of itself may hold anything, so it is dropped."""
    error = event.get("error")
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
    elif "error" in event and not KIND_OF_ERROR.fullmatch(str(error)):
        event["error"] = "unnamed"
    return event


def _of_a_library(_logger: Any, _method: str, event: Any) -> Any:
    """A library's line as who said it, where and with which exception: its words may hold what it was given."""
    record = event["_record"]
    kept = {name: event[name] for name in ("_record", "_from_structlog", "exc_info") if name in event}
    return {
        **kept,
        "event": "library",
        "logger": record.name,
        "where": f"{record.filename}:{record.lineno} {record.funcName}",
    }


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
        _only_the_kind_of_error,
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
            foreign_pre_chain=[_of_a_library, *shared], processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                                                  structlog.processors.JSONRenderer(_dumps)],
        )
    )  # fmt: skip
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # it prints URLs, which hold numbers, and headers, which hold credentials
    logging.getLogger("twilio.async_http_client").setLevel(logging.WARNING)
