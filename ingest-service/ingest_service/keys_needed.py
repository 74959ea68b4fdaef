"""Which data keys the work that is still to be done was sealed with. SQL.

A key that was taken out too early would make that work wait; it is found at start, before anything is claimed.
"""

from collections.abc import Collection
from typing import Any

from ingest_service.environment import InvalidSettingsError

_MISSING = """
SELECT p.data_key_id AS key_id, 'events' AS what FROM event e
JOIN event_payload p ON p.account_id = e.account_id AND p.received_on = e.received_on AND p.event_id = e.event_id
WHERE e.account_id = ANY($1) AND e.state = 'received' AND p.data_key_id <> ALL($2)
UNION
SELECT data_key_id, 'facts' FROM fact
WHERE account_id = ANY($1) AND state IN ('held', 'looking_up', 'ready') AND data_key_id <> ALL($2)
UNION
SELECT p.data_key_id, 'plans' FROM plan p WHERE p.account_id = ANY($1) AND p.state = 'open' AND p.data_key_id <> ALL($2)
UNION
SELECT p.data_key_id, 'answers' FROM decision d
JOIN question q ON q.account_id = d.account_id AND q.challenge_id = d.challenge_id
JOIN plan p ON p.account_id = q.account_id AND p.plan_id = q.plan_id
WHERE d.account_id = ANY($1) AND d.state IN ('waiting', 'held', 'failed') AND p.data_key_id <> ALL($2)
UNION
SELECT data_key_id, 'messages' FROM step
WHERE account_id = ANY($1) AND state IN ('waiting', 'frozen') AND data_key_id <> ALL($2)
ORDER BY 1, 2
"""


async def check(conn: Any, accounts: Collection[str], configured: Collection[str]) -> None:
    """Refuses to start without a key that open work was sealed with.

    Raises:
        InvalidSettingsError: naming every missing key and what waits for it.
    """
    missing: dict[str, list[str]] = {}
    for row in await conn.fetch(_MISSING, list(accounts), list(configured)):
        missing.setdefault(row["key_id"], []).append(row["what"])
    if missing:
        raise InvalidSettingsError(
            "\n".join(
                f"INGEST_DATA_KEYS lacks the key {key_id}, which {' and '.join(what)} that are still to be done were sealed with: "
                "add it again behind the current one, and take it out when they are done"
                for key_id, what in missing.items()
            )
        )
