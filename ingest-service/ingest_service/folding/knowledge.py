"""What is known of an account's objects: read with locks at the beginning of a fold, written at its end. SQL."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from ingest_service.folding.effects import Alias
from ingest_service.folding.mirror import Mirror
from ingest_service.folding.subject import NEVER, Subject
from ingest_service.sealing import Sealer


def customer_place(account_id: str, customer_id: str) -> str:
    """Where a customer's mirror is sealed for."""
    return f"customer|{account_id}|{customer_id}"


async def lock_subjects(
    conn: Any, account_id: str, touched: Mapping[str, str], wanted: Iterable[str]
) -> dict[str, Subject]:
    """Locks the subjects (id to kind) that events tell of, made where they are new, and those that are wanted besides."""
    ids = sorted(touched)
    if ids:
        await conn.execute(
            """INSERT INTO subject (account_id, subject_id, kind, as_of)
               SELECT $1, w.subject_id, w.kind, '-infinity' FROM unnest($2::text[], $3::text[]) AS w (subject_id, kind)
               ON CONFLICT DO NOTHING""",
            account_id, ids, [touched[one] for one in ids],
        )  # fmt: skip
    rows = await conn.fetch(
        """SELECT subject_id, kind, status, customer_id, as_of, facts FROM subject
           WHERE account_id = $1 AND subject_id = ANY($2) ORDER BY subject_id FOR UPDATE""",
        account_id,
        sorted({*ids, *wanted}),
    )
    return {
        row["subject_id"]: Subject(
            row["subject_id"], row["kind"], row["status"], row["customer_id"] or "",
            row["as_of"] if row["as_of"].year > 1 else NEVER, orjson.loads(row["facts"]),
        )
        for row in rows
    }  # fmt: skip


async def write_subjects(conn: Any, account_id: str, subjects: Sequence[Subject]) -> None:
    """Writes locked subjects back."""
    rows = [
        (s.subject_id, s.status, s.customer_id or None, s.as_of, orjson.dumps(dict(s.facts)).decode()) for s in subjects
    ]
    await conn.execute(
        """UPDATE subject s SET status = w.status, customer_id = w.customer_id, as_of = w.as_of, facts = w.facts, updated_at = now()
           FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::jsonb[])
                AS w (subject_id, status, customer_id, as_of, facts)
           WHERE s.account_id = $1 AND s.subject_id = w.subject_id""",
        account_id,
        *map(list, zip(*rows, strict=True)),
    )


async def aliases(conn: Any, account_id: str, ids: Sequence[str]) -> dict[tuple[str, str], str]:
    """What these belong to."""
    rows = await conn.fetch(
        "SELECT alias_id, target_kind, target_id FROM alias WHERE account_id = $1 AND alias_id = ANY($2)",
        account_id,
        list(ids),
    )
    return {(row["alias_id"], row["target_kind"]): row["target_id"] for row in rows}


async def learn_aliases(conn: Any, account_id: str, learnt: Sequence[tuple[Alias, str]]) -> None:
    """Writes what belongs to what, with the event (or ``lookup``) that told it. A real target is never unlearnt."""
    best: dict[tuple[str, str], tuple[Alias, str]] = {}
    for alias, source in learnt:
        key = (alias.alias_id, alias.target_kind)
        if key not in best or (alias.target_id and not best[key][0].target_id):
            best[key] = (alias, source)
    rows = [(*key, alias.target_id, source) for key, (alias, source) in sorted(best.items())]
    await conn.execute(
        """INSERT INTO alias (account_id, alias_id, target_kind, target_id, learned_from)
           SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
           ON CONFLICT (account_id, alias_id, target_kind) DO UPDATE SET target_id = EXCLUDED.target_id, learned_from = EXCLUDED.learned_from
           WHERE alias.target_id = '' AND EXCLUDED.target_id <> ''""",
        account_id,
        *map(list, zip(*rows, strict=True)),
    )


async def customers(conn: Any, sealer: Sealer, account_id: str, ids: Sequence[str]) -> dict[str, Mirror]:
    """The mirrors of these customers, locked for a change."""
    rows = await conn.fetch(
        """SELECT customer_id, as_of, deleted, data_key_id, ciphertext FROM customer
           WHERE account_id = $1 AND customer_id = ANY($2) ORDER BY customer_id FOR UPDATE""",
        account_id,
        sorted(ids),
    )
    found = {}
    for row in rows:
        plain = sealer.open(row["data_key_id"], row["ciphertext"], customer_place(account_id, row["customer_id"]))
        found[row["customer_id"]] = Mirror.from_json(
            row["customer_id"], row["as_of"], row["deleted"], orjson.loads(plain)
        )
    return found


async def write_customers(conn: Any, sealer: Sealer, account_id: str, mirrors: Sequence[Mirror]) -> None:
    """Writes mirrors; an older word never overwrites a newer one."""
    rows = []
    for mirror in sorted(mirrors, key=lambda one: one.customer_id):
        sealed = sealer.seal(orjson.dumps(mirror.to_json()), customer_place(account_id, mirror.customer_id))
        rows.append((mirror.customer_id, mirror.as_of, mirror.deleted, sealed.key_id, sealed.ciphertext))
    await conn.execute(
        """INSERT INTO customer (account_id, customer_id, as_of, deleted, data_key_id, ciphertext)
           SELECT $1, * FROM unnest($2::text[], $3::timestamptz[], $4::bool[], $5::text[], $6::bytea[])
           ON CONFLICT (account_id, customer_id) DO UPDATE
           SET as_of = EXCLUDED.as_of, deleted = EXCLUDED.deleted, data_key_id = EXCLUDED.data_key_id, ciphertext = EXCLUDED.ciphertext,
               updated_at = now()
           WHERE customer.as_of <= EXCLUDED.as_of AND NOT (customer.deleted AND NOT EXCLUDED.deleted)""",
        account_id,
        *map(list, zip(*rows, strict=True)),
    )


async def unpaid_invoices(conn: Any, account_id: str, subscriptions: Sequence[str]) -> list[str]:
    """The invoices of these subscriptions that we do not know to be over."""
    rows = await conn.fetch(
        """SELECT subject_id FROM subject
           WHERE account_id = $1 AND kind = 'invoice' AND facts->>'subscription' = ANY($2) AND status NOT IN ('paid', 'void')""",
        account_id,
        list(subscriptions),
    )
    return [row["subject_id"] for row in rows]
