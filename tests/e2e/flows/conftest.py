"""The whole pair, with a finance and a sales team, for every flow."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.pair import Pair, phone, running_pair


@pytest.fixture
def finance(monkeypatch: pytest.MonkeyPatch) -> str:
    """The number of the finance team."""
    number = phone()
    monkeypatch.setenv("INGEST_TEAM_FINANCE", number)
    return number


@pytest.fixture
def sales(monkeypatch: pytest.MonkeyPatch) -> str:
    """The number of the sales team."""
    number = phone()
    monkeypatch.setenv("INGEST_TEAM_SALES", number)
    return number


@pytest.fixture
async def pair(ingest_database_url: str, notify_database_url: str, finance: str, sales: str) -> AsyncIterator[Pair]:
    """Both services on fresh databases, with the shipped rules."""
    async with running_pair(ingest_database_url, notify_database_url) as running:
        yield running
