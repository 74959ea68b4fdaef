"""The whole pair, with a finance and a sales team, for every flow."""

from collections.abc import AsyncIterator, Mapping

import pytest

from tests.e2e.pair import Pair, phone, running_pair


@pytest.fixture(autouse=True)
def teams(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """The numbers of the teams, in the environment before the services start."""
    numbers = {"FINANCE": phone(), "SALES": phone()}
    for team, number in numbers.items():
        monkeypatch.setenv(f"INGEST_TEAM_{team}", number)
    return numbers


@pytest.fixture
def finance(teams: Mapping[str, str]) -> str:
    """The number of the finance team."""
    return teams["FINANCE"]


@pytest.fixture
def sales(teams: Mapping[str, str]) -> str:
    """The number of the sales team."""
    return teams["SALES"]


@pytest.fixture
async def pair(ingest_database_url: str, notify_database_url: str) -> AsyncIterator[Pair]:
    """Both services on fresh databases, with the shipped rules."""
    async with running_pair(ingest_database_url, notify_database_url) as running:
        yield running
