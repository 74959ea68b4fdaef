"""Nothing that a library was given gets into a log line: only who said something, where, and with which exception."""

import asyncio
import gc
import io
import json
import logging
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import structlog

import ingest_service.logs
import notify_service.logs

NUMBER = "+14155552671"


@pytest.fixture(params=[ingest_service.logs, notify_service.logs], ids=["ingest", "notify"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What is logged, by us and by every library."""
    logs: ModuleType = request.param
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("a-service", "DEBUG", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    """Every line."""
    return [json.loads(line) for line in written.getvalue().splitlines()]


async def test_a_failed_task_that_nobody_waited_for_is_logged_without_its_words(written: io.StringIO) -> None:
    """asyncio writes the exception's own text into its line, and PostgreSQL writes values into that."""

    async def fail() -> None:
        raise ValueError(f"duplicate key: Key (number)=({NUMBER}) already exists")

    task = asyncio.ensure_future(fail())
    await asyncio.wait([task])
    del task
    gc.collect()
    (line,) = lines(written)
    assert NUMBER[1:] not in written.getvalue()
    assert "number" not in written.getvalue()
    assert (line["event"], line["logger"], line["level"], line["exception"]) == (
        *("library", "asyncio", "error"),
        "ValueError",
    )
    assert line["service"] == "a-service"


def test_a_librarys_words_and_their_arguments_stay_out(written: io.StringIO) -> None:
    """Also where they look harmless: what is no number today is a name tomorrow."""
    logging.getLogger("somebody").warning("cannot deliver to %s, Zanzibar", NUMBER, stack_info=True)
    (line,) = lines(written)
    assert set(line) == {"event", "logger", "where", "level", "timestamp", "service"}
    assert line["where"].startswith("test_logs.py:")
    assert "Zanzibar" not in written.getvalue()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("TimeoutError", "TimeoutError"),
        ("asyncpg.exceptions.DataError", "asyncpg.exceptions.DataError"),
        (f"Key (number)=({NUMBER})", "unnamed"),
        ("Ana Zanzibar", "unnamed"),
        (ValueError(NUMBER), "ValueError"),
    ],
)
def test_an_error_in_our_own_lines_is_the_name_of_its_type(written: io.StringIO, given: object, shown: str) -> None:
    structlog.get_logger().warning("something.failed", error=given)
    assert lines(written)[0]["error"] == shown
    assert NUMBER[1:] not in written.getvalue()
