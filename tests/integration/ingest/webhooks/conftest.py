"""The planning side on this test's database, a notify that does as told, and a server that is called."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from ingest_service.submitting.notify_client import NotifyClient
from tests.integration.ingest.planning.rows import Side
from tests.integration.ingest.planning.standin import Standin, serving
from tests.integration.ingest.webhooks.receiver import Receiver, receiving


@pytest.fixture
def side(ingest_pool: "asyncpg.Pool[asyncpg.Record]") -> Side:
    """Without rules."""
    return Side(ingest_pool)


@pytest.fixture
async def notify() -> AsyncIterator[tuple[Standin, NotifyClient]]:
    """A stand-in for notify, and a client of it."""
    async with serving() as pair:
        yield pair


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Without TLS."""
    async with receiving() as one:
        yield one
