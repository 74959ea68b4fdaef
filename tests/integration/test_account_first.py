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


NO_ALIAS = (
    r"(?:WHERE|SET|ON|ORDER|GROUP|VALUES|SELECT|FOR|LIMIT|LEFT|CROSS|USING|RETURNING|UNION|INNER|JOIN|DEFAULT|DO)\b"
)


def unnamed(statement: str, names: str) -> list[str]:
    """The tables of a statement whose account nothing in it names.

    One with an alias is named by ``alias.account_id``, one without by its own name or by a bare ``account_id``, of which each stands for
    one table; what is inserted names it among its columns.
    """
    reference = re.compile(
        rf"\b(FROM|JOIN|UPDATE|INSERT INTO|DELETE FROM|USING)\s+(?:ONLY\s+)?({names})\b(?:\s+(?:AS\s+)?(?!{NO_ALIAS})([a-z_]+)\b)?"
    )
    bare = len(re.findall(r"(?<![.\w])account_id\b", statement))
    missing = []
    for verb, table, alias in (match.groups() for match in reference.finditer(statement)):
        name = alias if alias and verb != "INSERT INTO" else table
        if re.search(rf"\b{name}\.account_id\b", statement) or "USING (account_id" in statement:
            continue
        if name == table and bare:
            bare -= 1
            continue
        missing.append(table)
    return missing


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("SELECT 1 FROM step WHERE account_id = $1", []),
        ("SELECT 1 FROM step s WHERE s.account_id = $1", []),
        ("SELECT 1 FROM step s JOIN plan p ON p.account_id = s.account_id AND p.id = s.plan_id", []),
        ("SELECT 1 FROM step s JOIN plan p USING (account_id, plan_id)", []),
        ("SELECT 1 FROM step s JOIN plan p ON p.id = s.plan_id WHERE s.account_id = $1", ["plan"]),
        ("SELECT 1 FROM step s JOIN plan ON plan.id = s.plan_id WHERE s.account_id = $1", ["plan"]),
        ("UPDATE plan SET a = 1 FROM step WHERE account_id = $1", ["step"]),
        ("DELETE FROM plan USING step s WHERE plan.account_id = $1", ["step"]),
        ("INSERT INTO plan (account_id, id) SELECT $1, id FROM step", ["step"]),
        ("SELECT 1 FROM step", ["step"]),
    ],
)
def test_a_join_without_the_account_is_seen(statement: str, missing: list[str]) -> None:
    assert unnamed(statement, "step|plan") == missing


async def test_every_statement_names_the_account_of_each_of_its_tables(
    service: str, ingest_pool: asyncpg.Pool, notify_pool: asyncpg.Pool
) -> None:
    names = "|".join(sorted(await tables(ingest_pool if service == "ingest" else notify_pool)))
    found = [(where, text) for where, text in texts(service) if re.search(rf"\b(?:FROM|INTO|UPDATE)\s+(?:{names})\b", text)]  # fmt: skip
    assert len(found) > 25
    assert [(where, missing) for where, text in found if (missing := unnamed(text, names))] == []
