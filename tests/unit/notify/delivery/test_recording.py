"""What a call came to is worth waiting for the database; and no longer than a shutdown allows."""

from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from notify_service import database
from notify_service.delivery.receipts import Records

GONE = [
    asyncpg.AdminShutdownError, asyncpg.CrashShutdownError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError,
    asyncpg.ConnectionDoesNotExistError, asyncpg.DeadlockDetectedError, asyncpg.InterfaceError, ConnectionRefusedError, TimeoutError,
]  # fmt: skip


class Away:
    """A pool whose database is away so many times."""

    def __init__(self, error: type[Exception], times: int) -> None:
        self.error, self.left, self.asked = error, times, 0

    @asynccontextmanager
    async def acquire(self, timeout: float | None = None) -> Any:  # noqa: ARG002, ASYNC109 (the pool's own name)
        self.asked += 1
        if self.left:
            self.left -= 1
            raise self.error("away")
        yield self

    @asynccontextmanager
    async def transaction(self) -> Any:
        yield


def records(pool: Away, patience: Callable[[float], float] = lambda seconds: seconds) -> Records:
    """Records that find nothing to write once the database is there."""
    made = Records(None, pool, None, None, patience)  # type: ignore[arg-type]

    async def nothing(_conn: Any, _events: Sequence[Any]) -> None:
        return None

    made._apply = nothing  # type: ignore[method-assign, assignment]
    made._recorder = type("R", (), {"account": type("A", (), {"account_id": "main"})})  # type: ignore[assignment]
    return made


@pytest.mark.parametrize("error", GONE)
async def test_an_answer_outlives_a_database_that_restarts(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it says while it stops and starts: the answer waits and is written."""
    monkeypatch.setattr("random.random", lambda: 0.0)
    pool = Away(error, 2)
    await records(pool).answers.add(object())  # type: ignore[arg-type]
    assert pool.asked == 3


@pytest.mark.parametrize("error", GONE)
def test_every_word_of_a_database_that_is_away_is_known(error: type[Exception]) -> None:
    assert issubclass(error, database.GONE)
    assert not issubclass(asyncpg.UniqueViolationError, database.GONE)


async def test_a_shutdown_ends_the_waiting_for_a_database_that_stays_away() -> None:
    pool = Away(ConnectionRefusedError, 1_000_000)
    with pytest.raises(ConnectionRefusedError):
        await records(pool, lambda _seconds: 0.0).answers.add(object())  # type: ignore[arg-type]
    assert pool.asked == 1
