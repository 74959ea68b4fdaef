"""The planning side on this test's database, and a notify that does as told."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from ingest_service.submitting.notify_client import NotifyClient
from tests.integration.ingest.planning.rows import Side
from tests.integration.ingest.planning.standin import Standin, serving


@pytest.fixture
async def side(ingest_pool: asyncpg.Pool) -> Side:
    """With the shipped rules in force."""
    side = Side(ingest_pool)
    await side.rules()
    return side


@pytest.fixture
async def notify() -> AsyncIterator[tuple[Standin, NotifyClient]]:
    """A stand-in for notify, and a client of it."""
    async with serving() as pair:
        yield pair
