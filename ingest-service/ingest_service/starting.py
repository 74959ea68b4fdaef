"""What keeps the process from starting, as a sentence for whoever starts it."""

import contextlib
from collections.abc import Iterator

import asyncpg


class CannotStartError(RuntimeError):
    """Something outside the process keeps it from starting; the message says what to do."""


@contextlib.contextmanager
def told(what: str, remedy: str) -> Iterator[None]:
    """Tells of a failure within the block as this and what to do about it.

    Raises:
        CannotStartError: where the block failed at the network or the database.
    """
    try:
        yield
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise CannotStartError(f"{what} ({type(error).__name__}): {remedy}") from error


def database_told() -> contextlib.AbstractContextManager[None]:
    """Tells of a database that cannot be reached."""
    return told("the database cannot be reached", "check INGEST_DATABASE_URL and whether PostgreSQL runs there")
