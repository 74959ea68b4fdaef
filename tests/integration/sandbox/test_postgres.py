"""The embedded PostgreSQL."""

import asyncpg
import pytest

from tests.postgres import MigratedServer


async def test_each_test_gets_a_migrated_database_of_each_service(
    ingest_pool: "asyncpg.Pool[asyncpg.Record]", notify_pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    assert await ingest_pool.fetchval("SELECT count(*) FROM event") == 0
    assert await notify_pool.fetchval("SELECT count(*) FROM notification") == 0


async def test_a_service_cannot_enter_the_other_ones_database(postgres_server: MigratedServer) -> None:
    server = postgres_server.server
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(server.url("ingest", "notify"))
