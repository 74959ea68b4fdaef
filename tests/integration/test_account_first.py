"""Every key begins with the account, and every statement names it: that is what the tables can be distributed by."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

ROOT = Path(__file__).parents[2]

NO_ACCOUNT = {
    "clock": "one row a database: business time is that of the whole service",
    "schema_migrations": "the migration tool's own",
}

KEYS = """
SELECT c.relname AS table, i.relname AS index, a.attname AS first
FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY 1, 2
"""


@pytest.fixture(params=["ingest", "notify"])
def service(request: pytest.FixtureRequest) -> str:
    """Each service."""
    name: str = request.param
    return name


async def tables(pool: asyncpg.Pool) -> set[str]:
    """The tables that have an account."""
    rows = await pool.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace"
    )
    return {row["relname"] for row in rows} - set(NO_ACCOUNT)


async def test_every_key_and_index_begins_with_the_account(
    service: str, ingest_pool: asyncpg.Pool, notify_pool: asyncpg.Pool
) -> None:
    pool = ingest_pool if service == "ingest" else notify_pool
    keys = [row for row in await pool.fetch(KEYS) if row["table"] not in NO_ACCOUNT]
    assert len(keys) > 20
    assert [tuple(row) for row in keys if row["first"] != "account_id"] == []
    assert {row["table"] for row in keys} == await tables(pool)


def texts(service: str) -> Iterator[tuple[str, str]]:
    """Every string in a service's code, with where it stands; of f-strings the constant parts, joined."""
    for path in sorted((ROOT / f"{service}-service/{service}_service").rglob("*.py")):
        tree = ast.parse(path.read_text())
        inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
                yield where, node.value
            elif isinstance(node, ast.JoinedStr):
                yield where, " … ".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))


async def test_every_statement_names_the_account(
    service: str, ingest_pool: asyncpg.Pool, notify_pool: asyncpg.Pool
) -> None:
    names = "|".join(sorted(await tables(ingest_pool if service == "ingest" else notify_pool)))
    statement = re.compile(rf"\b(?:FROM|JOIN|UPDATE|INSERT INTO|DELETE FROM)\s+(?:ONLY\s+)?({names})\b")
    found = [(where, text) for where, text in texts(service) if statement.search(text)]
    assert len(found) > 25
    assert [where for where, text in found if "account_id" not in text] == []
