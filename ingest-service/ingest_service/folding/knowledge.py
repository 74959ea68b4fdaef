"""What is known of an account's objects: read with locks at the beginning of a fold, written at its end. SQL."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from ingest_service.folding.contact import Contact
from ingest_service.folding.effects import Alias
from ingest_service.folding.mirror import Mirror
from ingest_service.folding.subject import NEVER, Subject, overtakes
from ingest_service.sealing import Sealer


def customer_place(account_id: str, customer_id: str) -> str:
    """Where a customer's mirror is sealed for."""
    return f"customer|{account_id}|{customer_id}"


def contact_place(account_id: str, subject_id: str) -> str:
    """Where a subject's contact is sealed for."""
    return f"subject|contact|{account_id}|{subject_id}"


async def lock_subjects(
    conn: Any, sealer: Sealer, account_id: str, touched: Mapping[str, str], wanted: Iterable[str]
) -> dict[str, Subject]:
    """Locks the subjects (id to kind) that events tell of, made where they are new, and those that are wanted besides.

    Raises:
        MissingKeyError: where a contact was sealed with a key that is not configured.
    """
    ids = sorted(touched)
    if ids:
        await conn.execute(
            """INSERT INTO subject (account_id, subject_id, kind, as_of)
               SELECT $1, w.subject_id, w.kind, '-infinity' FROM unnest($2::text[], $3::text[]) AS w (subject_id, kind)
               ON CONFLICT DO NOTHING""",
            account_id, ids, [touched[one] for one in ids],
        )  # fmt: skip
    rows = await conn.fetch(
        """SELECT subject_id, kind, status, customer_id, as_of, facts, data_key_id, contact FROM subject
           WHERE account_id = $1 AND subject_id = ANY($2) ORDER BY subject_id FOR UPDATE""",
        account_id,
        sorted({*ids, *wanted}),
    )
    return {
        row["subject_id"]: Subject(
            row["subject_id"], row["kind"], row["status"], row["customer_id"] or "",
            row["as_of"] if row["as_of"].year > 1 else NEVER, orjson.loads(row["facts"]), _contact(sealer, account_id, row),
        )
        for row in rows
    }  # fmt: skip


def _contact(sealer: Sealer, account_id: str, row: Any) -> Contact | None:
    if row["contact"] is None:
        return None
    plain = sealer.open(row["data_key_id"], row["contact"], contact_place(account_id, row["subject_id"]))
    return Contact.from_json(orjson.loads(plain))


async def write_subjects(conn: Any, sealer: Sealer, account_id: str, subjects: Sequence[Subject]) -> None:
    """Writes locked subjects back."""
    rows = []
    for s in subjects:
        sealed = None
        if s.contact is not None and not s.contact.empty:
            sealed = sealer.seal(orjson.dumps(s.contact.to_json()), contact_place(account_id, s.subject_id))
        rows.append((
            s.subject_id, s.status, s.customer_id or None, s.as_of, orjson.dumps(dict(s.facts)).decode(),
            sealed.key_id if sealed else None, sealed.ciphertext if sealed else None,
        ))  # fmt: skip
    await conn.execute(
        """UPDATE subject s SET status = w.status, customer_id = w.customer_id, as_of = w.as_of, facts = w.facts,
                  data_key_id = w.data_key_id, contact = w.contact, updated_at = now()
           FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::jsonb[], $7::text[], $8::bytea[])
                AS w (subject_id, status, customer_id, as_of, facts, data_key_id, contact)
           WHERE s.account_id = $1 AND s.subject_id = w.subject_id""",
        account_id,
        *map(list, zip(*rows, strict=True)),
    )


async def learn_status(conn: Any, account_id: str, subject_id: str, status: str) -> None:
    """Keeps a status that was read at Stripe: its event may be late, or lost."""
    row = await conn.fetchrow(
        "SELECT kind, status FROM subject WHERE account_id = $1 AND subject_id = $2 FOR UPDATE", account_id, subject_id
    )
    if row is not None and overtakes(row["kind"], status, row["status"]):
        await conn.execute(
            "UPDATE subject SET status = $3, updated_at = now() WHERE account_id = $1 AND subject_id = $2",
            account_id, subject_id, status,
        )  # fmt: skip


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


async def customers(
    conn: Any, sealer: Sealer, account_id: str, ids: Sequence[str], told: Sequence[str] = ()
) -> dict[str, Mirror]:
    """The mirrors of these customers that there are.

    Those that are ``told`` of are locked for a change, made first where they are new: of two who learn of one customer at once,
    the second sees what the first wrote.

    Raises:
        MissingKeyError: where one was sealed with a key that is not configured.
    """
    if told:
        await conn.execute(
            """INSERT INTO customer (account_id, customer_id, as_of)
               SELECT $1, w.customer_id, '-infinity' FROM unnest($2::text[]) AS w (customer_id) ORDER BY 1, 2 ON CONFLICT DO NOTHING""",
            account_id, sorted(told),
        )  # fmt: skip
        await conn.execute(
            "SELECT FROM customer WHERE account_id = $1 AND customer_id = ANY($2) ORDER BY customer_id FOR UPDATE",
            account_id, sorted(told),
        )  # fmt: skip
    rows = await conn.fetch(
        """SELECT customer_id, as_of, deleted, data_key_id, ciphertext FROM customer
           WHERE account_id = $1 AND customer_id = ANY($2) AND ciphertext IS NOT NULL""",
        account_id,
        sorted({*ids, *told}),
    )
    found = {}
    for row in rows:
        plain = sealer.open(row["data_key_id"], row["ciphertext"], customer_place(account_id, row["customer_id"]))
        found[row["customer_id"]] = Mirror.from_json(
            row["customer_id"], row["as_of"], row["deleted"], orjson.loads(plain)
        )
    return found


async def write_customers(conn: Any, sealer: Sealer, account_id: str, mirrors: Sequence[Mirror]) -> None:
    """Writes locked mirrors back."""
    rows = []
    for mirror in sorted(mirrors, key=lambda one: one.customer_id):
        sealed = sealer.seal(orjson.dumps(mirror.to_json()), customer_place(account_id, mirror.customer_id))
        rows.append((mirror.customer_id, mirror.as_of, mirror.deleted, sealed.key_id, sealed.ciphertext))
    await conn.execute(
        """UPDATE customer c SET as_of = w.as_of, deleted = w.deleted, data_key_id = w.data_key_id, ciphertext = w.ciphertext,
                  updated_at = now()
           FROM unnest($2::text[], $3::timestamptz[], $4::bool[], $5::text[], $6::bytea[])
                AS w (customer_id, as_of, deleted, data_key_id, ciphertext)
           WHERE c.account_id = $1 AND c.customer_id = w.customer_id""",
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


async def open_reminders(conn: Any, account_id: str, subjects: Sequence[str]) -> list[tuple[str, str]]:
    """The open concerns of reminders about these subscriptions and cards: (subject, concern)."""
    rows = await conn.fetch(
        """SELECT DISTINCT f.subject_id, f.concern FROM fact f
           JOIN concern c ON c.account_id = $1 AND c.concern = f.concern AND c.state = 'open'
           WHERE f.account_id = $1 AND f.subject_id = ANY($2) AND f.kind IN ('renewal_due', 'trial_ending', 'card_expiring')""",
        account_id,
        list(subjects),
    )
    return [(row["subject_id"], row["concern"]) for row in rows]
