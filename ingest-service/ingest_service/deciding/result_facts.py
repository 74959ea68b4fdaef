"""What came of an answer, as facts: the rules say who hears of them, like of any other fact."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import asyncpg

from ingest_service.deciding.asking import Question
from ingest_service.deciding.judging import Given, Verdict
from ingest_service.inbox.lanes import FRAUD
from ingest_service.planning.sealed_columns import seal_details
from ingest_service.sealing import Sealer

KINDS: Final[Mapping[str, Mapping[str, str]]] = {
    "fraud_suspected": {"safe": "fraud_confirmed_safe", "stopped": "fraud_stopped", "held": "fraud_held"},
}
"""By the kind of fact that was asked about, the fact that each outcome makes. A further kind of question is a line here."""


def concern_of(asked: Question, outcome: str) -> str:
    """What the messages about an outcome are about: a matter of its own, for the question's is settled by its answer."""
    return f"{asked.concern}_{'held' if outcome == 'held' else 'result'}"


async def tell(
    conn: asyncpg.Connection, account_id: str, sealer: Sealer, asked: Question, given: Given, verdict: Verdict,
    fact: Mapping[str, Any], pays: Mapping[str, str], now: datetime,
) -> str | None:  # fmt: skip
    """Makes the fact of an outcome, ready to be planned; its key, None where there is nothing to tell. Repeating is harmless.

    `pays`: by what the payment can be tried again, as attributes.
    """
    kind = KINDS.get(asked.kind, {}).get(verdict.outcome)
    if kind is None:
        return None
    further = f":{given.further}" if given.further is not None else ""
    key = f"{kind}:{asked.challenge_id}:{given.generation}{further}"
    concern = concern_of(asked, verdict.outcome)
    attributes = {name: value for name, value in fact["attributes"].items() if name != "hosted_invoice_url"}
    attributes["why"] = verdict.why
    if given.further is not None or not given.chosen:  # what a person's decision came to is no news for who answered
        attributes["answer"] = str(given.further or given.answer)
    if verdict.done:
        attributes["done"] = verdict.done
    attributes |= pays
    key_id, sealed = seal_details(sealer, account_id, key, {"attributes": attributes, "person": dict(fact["person"])})
    await conn.execute(
        _TELL, account_id, key, kind, concern, fact["subject_id"], fact["customer_id"], FRAUD, now, fact["amount"],
        fact["exponent"], fact["currency"], fact["event_id"], key_id, sealed,
    )  # fmt: skip
    await conn.execute(_TOLD_BY, account_id, key, fact["event_id"])
    await conn.execute(_OPEN, account_id, concern, now)
    return key


_TELL = """
INSERT INTO fact (account_id, fact_key, kind, concern, subject_id, customer_id, lane, occurred_at, amount, exponent, currency, event_id,
    state, due_at, data_key_id, details)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'ready', $8, $13, $14)
ON CONFLICT DO NOTHING
"""
_TOLD_BY = """
INSERT INTO fact_event (account_id, fact_key, event_id, effect) VALUES ($1, $2, $3, 'answered') ON CONFLICT DO NOTHING
"""
_OPEN = """
INSERT INTO concern AS c (account_id, concern, state, opened_at) VALUES ($1, $2, 'open', $3)
ON CONFLICT (account_id, concern) DO UPDATE SET state = 'open', settled_at = NULL, settled_by = NULL, updated_at = now()
WHERE c.state = 'settled'
"""  # what was settled stands open again: an answer that came after it is news
