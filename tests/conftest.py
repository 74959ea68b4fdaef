"""Fixtures that every test may ask for."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from tests.postgres import MigratedServer, migrated_server

REQUIRED = frozenset(filter(None, os.environ.get("PAYBELL_REQUIRE", "").split(",")))


def need(tool: str, *programs: str) -> str:
    """The path of the first of the programs that is installed.

    Where none is, the test is skipped, saying so; or fails where PAYBELL_REQUIRE names the tool.
    """
    for program in programs or (tool,):
        path = shutil.which(program)
        if path is not None:
            return path
    if tool in REQUIRED:
        pytest.fail(f"{tool} is required by PAYBELL_REQUIRE and is not installed")
    pytest.skip(f"{tool} is not installed")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[MigratedServer]:
    """The run's embedded PostgreSQL."""
    with migrated_server() as server:
        yield server


@pytest.fixture
def ingest_database_url(postgres_server: MigratedServer) -> Iterator[str]:
    """A fresh migrated database of ingest-service."""
    with postgres_server.database("ingest") as url:
        yield url


@pytest.fixture
def notify_database_url(postgres_server: MigratedServer) -> Iterator[str]:
    """A fresh migrated database of notify-service."""
    with postgres_server.database("notify") as url:
        yield url


@pytest.fixture
async def ingest_pool(ingest_database_url: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """Connections to a fresh migrated database of ingest-service."""
    async with asyncpg.create_pool(ingest_database_url, min_size=1, max_size=20) as pool:
        yield pool


@pytest.fixture
async def notify_pool(notify_database_url: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """Connections to a fresh migrated database of notify-service."""
    async with asyncpg.create_pool(notify_database_url, min_size=1, max_size=20) as pool:
        yield pool
