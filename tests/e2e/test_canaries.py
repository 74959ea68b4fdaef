"""A number, a name and a line of metadata go through both services, and stand nowhere but in the text that the person gets.

Every line that is logged, every answer of the listeners for operators and every column of every table is searched.
"""

import io
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import asyncpg
import pytest
import structlog

from ingest_service import logs
from tests.e2e.pair import SECRET, Pair, phone, running_pair

NAME, NOTE = "Zanzibar Unicorn", "Xylophone 8241 Quagga"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything that is logged, by us and by every library, at the chattiest level."""
    stream = io.StringIO()
    logs.configure("ingest-service", "DEBUG", stream)
    yield stream
    logging.getLogger().handlers[:] = []
    structlog.reset_defaults()


@pytest.fixture
async def pair(written: io.StringIO, ingest_database_url: str, notify_database_url: str) -> AsyncIterator[Pair]:
    """Both services on fresh databases."""
    del written  # it must be there first
    async with running_pair(ingest_database_url, notify_database_url) as running:
        yield running


COLUMNS = """
SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns AS c
JOIN pg_class AS t ON t.relname = c.table_name AND t.relkind IN ('r', 'p') AND NOT t.relispartition
WHERE c.table_schema = 'public'
ORDER BY 1, 2
"""


async def leaks(pool: "asyncpg.Pool[asyncpg.Record]", canaries: Sequence[str]) -> set[str]:
    """Columns in which one of these stands readable, whatever their type."""
    found = set()
    for table, column, kind in await pool.fetch(COLUMNS):
        text = f"encode({column}, 'escape')" if kind == "bytea" else f"{column}::text"
        stands = f"SELECT EXISTS (SELECT FROM {table}, unnest($1::text[]) AS canary WHERE strpos({text}, canary) > 0)"
        if await pool.fetchval(stands, canaries):
            found.add(f"{table}.{column}")
    return found


async def told(pair: Pair, events: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the listeners for operators answer, about everything that there is."""
    admin, console = f"http://127.0.0.1:{pair.ingest.admin_port}", f"http://127.0.0.1:{pair.ingest.console_port}"
    concerns = [
        row["concern"] for row in await pair.ingest_pool.fetch("SELECT concern FROM concern WHERE account_id = 'main'")
    ]
    requests = [
        row["request_id"]
        for row in await pair.ingest_pool.fetch("SELECT request_id FROM step WHERE account_id = 'main'")
    ]
    urls = [f"{admin}/{path}" for path in ("livez", "readyz", "metrics", "clock")]
    urls += [f"http://127.0.0.1:{pair.notify.admin_port}/{path}" for path in ("livez", "readyz", "metrics", "clock")]
    urls += [f"{console}/api/events?limit=200"]
    urls += [f"{console}/api/story?event={event['id']}" for event in events]
    urls += [f"{console}/api/story?concern={concern}" for concern in concerns]
    urls += [f"{console}/api/story?request={request}" for request in requests]
    answers = []
    for url in urls:
        async with pair.http.get(url) as answer:
            answers.append(await answer.text())
    assert len(concerns) >= 2
    assert len(requests) >= 2
    return answers


async def test_what_is_personal_stands_nowhere_but_in_the_text_that_the_person_gets(
    pair: Pair, written: io.StringIO
) -> None:
    customer, guest = phone(), phone()
    canaries = [customer[2:], guest[2:], NAME, "Zanzibar", NOTE, "Quagga"]
    _, renewal = pair.play("renewal_fails", phone=customer, name=NAME, metadata={"note": NOTE})
    await pair.post_all(renewal)
    # of this charge only the refund is told: whom it concerns must be looked up at Stripe
    given: dict[str, Any] = {"guest": True, "phone": guest, "name": NAME, "payment_metadata": {"note": NOTE}}
    pair.play("purchase", **given)
    _, refund = pair.play("refund_full")
    refunds = [event for event in refund if event["type"] == "refund.created"]
    await pair.post_all(refunds)
    await pair.quiet()
    assert [len(pair.texts(number)) for number in (customer, guest)] == [1, 1]
    # and what is wrong
    assert await pair.post({**renewal[0], "id": "evt_aside", "livemode": True}) == 200
    assert (
        await pair.post(
            {**renewal[0], "id": "evt_odd", "data": {"object": {"object": "invoice", "id": 7, "customer_name": NAME}}}
        )
        == 200
    )
    assert await pair.post({"note": NOTE, "phone": customer, "name": NAME}) == 200
    assert await pair.post({**renewal[0], "id": "evt_forged"}, secret="whsec_of_nobody") == 400
    await pair.quiet()

    answers = await told(pair, [*renewal, *refunds, {"id": "evt_aside"}, {"id": "evt_odd"}])
    for canary in canaries:
        assert [line for line in written.getvalue().splitlines() if canary in line] == []
        assert [answer for answer in answers if canary in answer] == []
    assert "event.event_id" in await leaks(pair.ingest_pool, ["evt_aside"]), "the search finds what is there"
    assert await leaks(pair.ingest_pool, canaries) == set()
    assert await leaks(pair.notify_pool, canaries) == set()
    for name in (
        "inbox.commit",
        "webhook.refused",
        "fold.batch",
        "planning.batch",
        "submitting.batch",
        "attempt.called",
    ):
        assert f'"event":"{name}"' in written.getvalue(), "it was logged at all"
    for secret in (SECRET, "sk_test_sandbox", "sandbox-token"):
        assert secret not in written.getvalue() + "".join(answers)
