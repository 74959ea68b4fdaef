"""Rehearsing the rules of a month that really happened foretells its messages word by word, writes nothing, and shows what a change does."""

import asyncio
import json
import os
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from ingest_service import database
from paybell_sandbox.twilio.network import NETWORK
from tests.e2e.pair import SECRET, Pair, phone, running_pair
from tests.integration.notify.service import key

DAY = 86_400
SHIPPED = database.shipped("rules.yaml")
CODE = re.compile(r"YES \d{4}")


@dataclass
class Done:
    """A command that ended."""

    status: int
    out: str
    err: str

    @property
    def account(self) -> dict[str, Any]:
        """What it says of the account, as JSON."""
        [account] = json.loads(self.out)["accounts"]
        return dict(account)

    @property
    def texts(self) -> Counter[str]:
        """Every text that it foretells."""
        return Counter(example["text"] for example in self.account["examples"])


@dataclass
class Month:
    """The pair, after a month of stories."""

    pair: Pair
    environment: Mapping[str, str]

    async def rehearse(self, *arguments: str) -> Done:
        """Runs the command as a process."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ingest_service.cli", "rehearse", *arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, **self.environment},
        )  # fmt: skip
        out, err = await process.communicate()
        return Done(process.returncode or 0, out.decode(), err.decode())

    async def counts(self) -> dict[str, int]:
        """Rows of every table of both databases."""
        found: dict[str, int] = {}
        for name, pool in (("ingest", self.pair.ingest_pool), ("notify", self.pair.notify_pool)):
            found |= {f"{name}.{table}": rows for table, rows in await _rows(pool)}
        return found

    async def turn_to(self, day: int) -> None:
        """Lets time pass for everybody, day by day: nothing runs out for want of somebody who looks."""
        await self.pair.quiet()
        await self.pair.advance(3 * 60)  # for which a first payment waits
        await self.pair.quiet()
        while self.pair.offset < day * DAY:
            await self.pair.advance(DAY - self.pair.offset % DAY)
            self.pair.box.sandbox.clock.offset = self.pair.offset
            await self.pair.quiet()

    async def happens(self, story: str, **given: Any) -> dict[str, str]:
        """Something happens at Stripe, and is told."""
        ids, events = self.pair.play(story, **given)
        await self.pair.post_all(events)
        return ids


async def _rows(pool: "asyncpg.Pool[asyncpg.Record]") -> list[tuple[str, int]]:
    tables = await pool.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    return [(row["relname"], await pool.fetchval(f'SELECT count(*) FROM "{row["relname"]}"')) for row in tables]


@pytest.fixture
async def beginning(
    ingest_database_url: str, notify_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Month]:
    """The pair, before anything happens."""
    for team in ("FINANCE", "SALES"):
        monkeypatch.setenv(f"INGEST_TEAM_{team}", phone())
    data_keys = key("d1")
    async with running_pair(ingest_database_url, notify_database_url, ingest={"ingest_data_keys": data_keys}) as pair:
        yield Month(pair, _environment(pair, ingest_database_url, data_keys))


@pytest.fixture
async def month(beginning: Month) -> Month:
    """Bills that fail, are tried again, paid, voided and left; purchases, refunds, disputes, and people without a number."""
    month = beginning
    failed = [await month.happens("renewal_fails", phone=phone()) for _ in range(4)]
    await month.happens("customer_with_unusable_phone")
    large = await month.happens("purchase", phone=phone(), amount=600_000)
    bought = await month.happens("purchase", phone=phone())
    await month.happens("purchase_fails", phone=phone())
    await month.turn_to(1)
    await month.happens("customer_pays", invoice=failed[0]["invoice"])
    await month.happens("refund_two_parts", charge=bought["charge"])
    await month.turn_to(2)
    await month.happens("retry_fails", invoice=failed[1]["invoice"])
    await month.happens("dispute_opened", charge=large["charge"])
    await month.turn_to(4)
    await month.happens("invoice_voided", invoice=failed[1]["invoice"])
    await month.happens("renewal_paid", phone=phone())
    await month.turn_to(8)
    await month.happens("customer_pays", invoice=failed[2]["invoice"])
    await month.turn_to(12)
    await month.happens("renewal_fails", phone=phone())
    await month.turn_to(13)
    return month


def _environment(pair: Pair, ingest_database_url: str, data_keys: str) -> dict[str, str]:
    return {
        "INGEST_DATABASE_URL": ingest_database_url, "INGEST_DATA_KEYS": data_keys, "STRIPE_API_KEY": "sk_test_sandbox",
        "INGEST_PUBLIC_URL": f"http://127.0.0.1:{pair.ingest.http_port}", "STRIPE_WEBHOOK_SECRETS": SECRET,
        "STRIPE_API_BASE": pair.box.stripe_api_base, "INGEST_NOTIFY_TARGET": f"127.0.0.1:{pair.notify.grpc_port}", "GRPC_INSECURE": "1",
        "INGEST_HOLD_FAILURE_SECONDS": "0.5", "INGEST_HOLD_SUCCESS_SECONDS": "0.5", "INGEST_STRIPE_READS_PER_SECOND": "100",
    }  # fmt: skip


@pytest.mark.timeout(240)
async def test_rehearsing_the_rules_in_force_foretells_the_month_word_by_word_and_writes_nothing(month: Month) -> None:
    happened = Counter(CODE.sub("YES 0000", text) for text in month.pair.texts())  # a code is drawn when it is sent
    before = await month.counts()
    for source in ("inbox", "stripe"):
        done = await month.rehearse(str(SHIPPED), "--from", source, "--json", "--show", "100")
        assert (done.status, done.err) == (0, "")
        assert done.texts == happened, source
        account = done.account
        by_flow = {flow["flow"]: flow for flow in account["flows"]}
        assert sum(flow["messages"] for flow in account["flows"]) == happened.total()
        assert by_flow["failed_payment"]["messages"] == sum(
            any(words in text for words in ("could not", "was declined")) for text in happened.elements()
        )
        assert by_flow["refund"]["messages"] == 2
        assert by_flow["failed_payment"]["suppressed"] == {"no_usable_number": 3}
        assert by_flow["failed_payment"]["to_come"] == 2
        assert {each["change"] for each in account["compared"]} == {"same"}
    assert await month.counts() == before
    assert len(month.pair.texts()) == happened.total()


@pytest.mark.timeout(240)
async def test_a_changed_file_shows_who_would_hear_more_and_who_no_more(month: Month, tmp_path: Path) -> None:
    shipped = SHIPPED.read_text()
    changed = tmp_path / "rules.yaml"
    without_calls = re.sub(r"      - after: 7d\n(        .*\n)+", "", shipped)
    assert without_calls != shipped
    changed.write_text(
        without_calls.replace("    off: true\n", "").replace(
            "  - flow: recovered_payment\n", "  - flow: recovered_payment\n    off: true\n"
        )
    )
    done = await month.rehearse(str(changed), "--json")
    compared = {
        each["flow"]: (each["change"], each["messages"][1] - each["messages"][0]) for each in done.account["compared"]
    }
    assert (done.status, done.err) == (0, "")
    assert compared["dispute_notice"] == ("new", 1)
    assert compared["recovered_payment"] == ("gone", -2)
    assert compared["failed_payment"] == ("fewer", -2)
    assert compared["receipt"] == ("same", 0)

    shown = await month.rehearse(str(changed), "--show", "1")
    assert shown.status == 0
    assert "dispute_notice" in shown.out
    assert "0 → 1 (+1)" in shown.out
    assert "Nothing was sent or stored." in shown.out
    for text in month.pair.box.app[NETWORK].judged():
        assert text["to"] not in shown.out + done.out
        assert text["to"][-8:] not in shown.out + done.out


@pytest.mark.timeout(240)
async def test_a_file_that_notify_has_no_words_for_is_a_problem_and_so_is_a_notify_that_is_away(
    beginning: Month, tmp_path: Path
) -> None:
    month = beginning
    bought = await month.happens("purchase", phone=phone())
    await month.happens("refund_two_parts", charge=bought["charge"])
    await month.pair.quiet()
    changed = tmp_path / "rules.yaml"
    changed.write_text(SHIPPED.read_text().replace("template: refund_issued", "template: nobody_wrote_it"))
    done = await month.rehearse(str(changed))
    assert done.status == 1
    assert "refund, step 1: notify rejects template: there is no such template" in done.err
    assert "(2 times)" in done.err

    changed.write_text("flows:\n  - flow: x\n    on: nothing_that_happens\n    steps: []\n")
    wrong = await month.rehearse(str(changed))
    assert (wrong.status, wrong.out) == (1, "")
    assert f"{changed}" in wrong.err

    away = Month(month.pair, {**month.environment, "INGEST_NOTIFY_TARGET": "127.0.0.1:1"})
    unreachable = await away.rehearse(str(SHIPPED))
    assert unreachable.status == 1
    assert "notify-service cannot be asked (TryLater)" in unreachable.err
