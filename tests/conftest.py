"""What every test may ask for. Databases come from tests/postgres.py, tools from tests/require.py."""

import os
from collections.abc import AsyncIterator, Iterator

import asyncpg
import hypothesis
import pytest

from paybell_sandbox.supervisor.postgres import EmbeddedPostgres
from tests.loopback import forbid_the_outside, tried
from tests.postgres import MigratedServer
from tests.require import need

__all__ = ["need"]

forbid_the_outside()

# How fast examples are made says how busy the machine is, not whether the code is right. CI tries the same ones each time.
hypothesis.settings.register_profile(
    "paybell",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
hypothesis.settings.load_profile("paybell")


@pytest.fixture(autouse=True)
def _only_this_machine() -> Iterator[None]:
    """Fails a test that tried to reach the outside, even where its error was swallowed."""
    tried.clear()
    yield
    assert not tried, f"this test tried to reach {', '.join(tried)}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[MigratedServer]:
    """The server of this test run, with a migrated template for each service."""
    with EmbeddedPostgres(durable=False) as server:
        yield MigratedServer.prepare(server)


@pytest.fixture
def ingest_database_url(postgres_server: MigratedServer) -> Iterator[str]:
    """A fresh, migrated database of ingest-service, for this test alone."""
    with postgres_server.database("ingest") as url:
        yield url


@pytest.fixture
def notify_database_url(postgres_server: MigratedServer) -> Iterator[str]:
    """A fresh, migrated database of notify-service, for this test alone."""
    with postgres_server.database("notify") as url:
        yield url


@pytest.fixture
async def ingest_pool(ingest_database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """Connections to this test's ingest database."""
    async with asyncpg.create_pool(ingest_database_url, min_size=1, max_size=20) as pool:
        yield pool


@pytest.fixture
async def notify_pool(notify_database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """Connections to this test's notify database."""
    async with asyncpg.create_pool(notify_database_url, min_size=1, max_size=20) as pool:
        yield pool
