"""The database: its pool, its schema, its partitions by day."""

import asyncio
import datetime
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg

SERVICE = "ingest-service"
PARTITIONED = ("event_payload",)
DAYS_AHEAD = 14
MIGRATION_LOCK = 7_230_912
"""Key of the advisory lock under which one replica at a time migrates."""

GONE: Final = (
    OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError, asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError,
    asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.TransactionRollbackError,
    asyncpg.InternalClientError,  # a connection that was cut in the middle of a statement
)  # fmt: skip
"""What is raised while the database is away, starts, stops, lets nobody in or is in a tangle: the same may work later."""


class WrongSchemaError(RuntimeError):
    """The database's schema is not the one this version works with; the message says what to run."""


class MigrationError(RuntimeError):
    """A migration failed and was rolled back; the message holds the tool's own words."""


def shipped(name: str) -> Path:
    """A file or folder that comes with the service: beside the package in the repository, else under ``sys.prefix``."""
    beside = Path(__file__).parents[1] / name
    return beside if beside.exists() else Path(sys.prefix) / "share" / SERVICE / name


def expected_versions() -> list[str]:
    """The versions of all migrations that this version of the service comes with."""
    return sorted(path.name.partition("_")[0] for path in shipped("migrations").glob("*.sql"))


@asynccontextmanager
async def pool(url: str, *, size: int, pooled: bool) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """Connections that set themselves up.

    Args:
        url: of the database.
        size: at most so many connections.
        pooled: behind a pooler in transaction mode, where statements must not be cached.
    """
    made = await asyncpg.create_pool(
        url, min_size=1, max_size=size, command_timeout=30, statement_cache_size=0 if pooled else 1024, timeout=5
    )
    try:
        yield made
    finally:
        try:
            async with asyncio.timeout(5):
                await made.close()
        except TimeoutError:
            made.terminate()


async def check_schema(
    conn: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]",
) -> None:
    """Refuses a schema that is not the expected one.

    Raises:
        WrongSchemaError: saying which side is behind and what to run.
    """
    there: Sequence[str] = []
    if await conn.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL"):
        there = [row["version"] for row in await conn.fetch("SELECT version FROM schema_migrations ORDER BY version")]
    expected = expected_versions()
    if missing := [version for version in expected if version not in there]:
        raise WrongSchemaError(
            f"the database lacks {len(missing)} migration(s), from {missing[0]} on: run `{SERVICE} migrate`"
        )
    if unknown := [version for version in there if version not in expected]:
        raise WrongSchemaError(
            f"the database has migration {unknown[-1]}, which this version does not know: run a newer {SERVICE}"
        )


async def migrate(url: str) -> None:
    """Applies what is missing, one replica at a time, and makes the partitions of the coming days.

    Raises:
        MigrationError: where one fails.
    """
    conn = await asyncpg.connect(url, timeout=10)
    try:
        await conn.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        await _dbmate(url)
        await make_partitions(conn)
    finally:
        await conn.close()


async def _dbmate(url: str) -> None:
    program = Path(sys.executable).with_name("dbmate")
    process = await asyncio.create_subprocess_exec(
        str(program), "--env-file", os.devnull, "--no-dump-schema", "--migrations-dir", str(shipped("migrations")), "migrate",
        env={"PATH": os.environ.get("PATH", ""), "DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise MigrationError(re.sub(r"//[^@/]*@", "//…@", output.decode(errors="replace")).strip())


async def make_partitions(
    conn: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]",
    days_ahead: int = DAYS_AHEAD,
) -> None:
    """Makes the partitions from yesterday to so many days ahead, by the database's clock, where they are missing."""
    today: datetime.date = await conn.fetchval("SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date")
    days = [today + datetime.timedelta(days=number) for number in range(-1, days_ahead + 1)]
    there = {
        row["name"]
        for row in await conn.fetch("SELECT c.relname AS name FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid")
    }
    for table in PARTITIONED:
        for day in days:
            name = f"{table}_{day:%Y%m%d}"
            if name not in there:
                until = day + datetime.timedelta(days=1)
                await conn.execute(
                    f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ('{day}') TO ('{until}')"
                )
