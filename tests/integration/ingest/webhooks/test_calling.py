"""A webhook is called until it answers with success, signed, under one key; what is refused, lost or given up is seen."""

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import trustme

from ingest_service.planning.rules_store import RulesInForce
from ingest_service.story import lines
from ingest_service.submitting.notify_client import NotifyClient
from ingest_service.submitting.truth import Over, StillSo
from ingest_service.webhooks import calling, commands
from ingest_service.webhooks.calling import Calling, calling_session
from ingest_service.webhooks.guard import Guard
from tests.integration.ingest.planning.rows import ACCOUNT, SEALER, Side
from tests.integration.ingest.planning.standin import Standin
from tests.integration.ingest.webhooks.receiver import Receiver, receiving

SECRET = "for those who are called"
ENVIRONMENT = {"INGEST_WEBHOOK_TEAM_SECRET": SECRET}
PLAYED = Guard(played=True)
Notify = tuple[Standin, NotifyClient]


async def due(side: Side, notify: Notify, url: str, folder: Path) -> None:
    """A call of a team's webhook is waiting, made by a step."""
    file = folder / "rules.yaml"
    file.write_text(
        f'webhooks: {{team: {{url: "{url}", secret_env: INGEST_WEBHOOK_TEAM_SECRET}}}}\n'
        "teams: {sales: {members: []}}\n"
        "flows: [{flow: alert, on: payment_succeeded, to: team:sales, steps: [{webhook: team}]}]\n"
    )
    await side.rules(file)
    await side.fact("payment_succeeded:pi_1", concern="payment:pi_1/receipt", amount=500_000)
    await side.planning().turn()
    await side.submission(notify[1]).turn()
    assert (await side.step())["state"] == "submitted"
    assert notify[0].received == []


@asynccontextmanager
async def caller(
    side: Side,
    guard: Guard = PLAYED,
    *,
    trusts: ssl.SSLContext | None = None,
    give_up_after: timedelta = calling.GIVE_UP_AFTER,
    timeout_seconds: float = calling.TIMEOUT_SECONDS,
    environment: Mapping[str, str] = ENVIRONMENT,
) -> AsyncIterator[Calling]:
    """A replica of those who call."""
    async with calling_session(guard, trusts=trusts, timeout_seconds=timeout_seconds) as session:
        rules = RulesInForce(SEALER)
        yield Calling(side.pool, [ACCOUNT], side.clock, rules, session, guard, environment, give_up_after)


async def call(side: Side) -> Any:
    """The one call there is."""
    [row] = await side.pool.fetch("SELECT * FROM webhook_call")
    return row


async def due_now(side: Side) -> None:
    """Lets what was put off be due."""
    await side.pool.execute("UPDATE webhook_call SET due_at = '-infinity'")


async def test_a_success_ends_it_and_the_call_is_signed_and_has_a_key(
    side: Side, notify: Notify, receiver: Receiver, tmp_path: Path
) -> None:
    await due(side, notify, receiver.url(), tmp_path)
    async with caller(side) as calling:
        assert await calling.turn() == 1
        assert await calling.turn() == 0
    [got] = receiver.got
    assert orjson.loads(got.body) == {"text": "A payment succeeds of 5000.00 USD (payment_succeeded:pi_1)"}
    moment, value = (part.partition("=")[2] for part in got.headers["Paybell-Signature"].split(","))
    assert value == hmac.new(SECRET.encode(), f"{moment}.".encode() + got.body, hashlib.sha256).hexdigest()
    row = await call(side)
    assert (row["state"], row["call_id"], row["tries"]) == ("done", got.headers["Idempotency-Key"], 1)
    assert (await side.step())["state"] == "sent"
    assert [plan["state"] for plan in await side.plans()] == ["done"]


async def test_an_error_is_followed_by_the_same_call_under_the_same_key(
    side: Side, notify: Notify, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answers = [500, 200]
    await due(side, notify, receiver.url(), tmp_path)
    async with caller(side) as calling:
        await calling.turn()
        assert ((await call(side))["state"], (await call(side))["reason"]) == ("waiting", "it answered 500")
        assert await calling.turn() == 0  # not at once
        await due_now(side)
        assert await calling.turn() == 1
    first, second = receiver.got
    assert (first.body, first.headers["Idempotency-Key"]) == (second.body, second.headers["Idempotency-Key"])
    assert (await call(side))["state"] == "done"


async def test_who_does_not_answer_is_called_again_later(
    side: Side, notify: Notify, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.hang = asyncio.Event()
    await due(side, notify, receiver.url(), tmp_path)
    beats: list[None] = []
    async with caller(side, timeout_seconds=0.2) as calling:
        await calling.turn(lambda: beats.append(None))
    row = await call(side)
    assert (row["state"], row["reason"], row["lease"]) == ("waiting", "it did not answer in time", None)
    assert len(receiver.got) == 1
    assert beats


async def test_redirects_are_not_followed(side: Side, notify: Notify, receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [307]
    await due(side, notify, receiver.url(), tmp_path)
    async with caller(side) as calling:
        await calling.turn()
    assert [got.path for got in receiver.got] == ["/hook"]
    assert (await call(side))["reason"] == "it answered 307; redirects are not followed"


async def test_a_certificate_must_be_trusted(side: Side, notify: Notify, tmp_path: Path) -> None:
    theirs, other = trustme.CA(), trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    theirs.issue_cert("127.0.0.1").configure_cert(tls)
    mistrusting, trusting = ssl.create_default_context(), ssl.create_default_context()
    other.configure_trust(mistrusting)
    theirs.configure_trust(trusting)
    async with receiving(tls) as receiver:
        await due(side, notify, receiver.url("https"), tmp_path)
        async with caller(side, trusts=mistrusting) as calling:
            await calling.turn()
        assert (await call(side))["reason"] == "its certificate is not trusted"
        assert receiver.got == []
        await due_now(side)
        async with caller(side, trusts=trusting) as calling:
            await calling.turn()
        assert len(receiver.got) == 1
    assert (await call(side))["state"] == "done"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_private_address_is_refused_however_it_is_written_unless_it_is_allowed(
    side: Side, notify: Notify, tmp_path: Path, host: str
) -> None:
    authority, tls = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(tls)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with receiving(tls) as receiver:
        await due(side, notify, receiver.url("https", host), tmp_path)
        async with caller(side, Guard(), trusts=trusting) as calling:
            await calling.turn()
        assert "not on the public internet" in (await call(side))["reason"]
        assert receiver.got == []
        await due_now(side)
        async with caller(side, Guard(frozenset({host})), trusts=trusting) as calling:
            await calling.turn()
        assert len(receiver.got) == 1


async def test_without_tls_nothing_is_called_where_stripe_is_real(
    side: Side, notify: Notify, receiver: Receiver, tmp_path: Path
) -> None:
    await due(side, notify, receiver.url(), tmp_path)
    async with caller(side, Guard(frozenset({"127.0.0.1"}))) as calling:
        await calling.turn()
    assert (await call(side))["reason"].startswith("its address is not https")
    assert receiver.got == []


async def test_what_was_called_in_vain_for_a_day_is_set_aside_and_seen_and_may_be_called_again(
    side: Side, notify: Notify, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answers = [500, 404]
    await due(side, notify, receiver.url(), tmp_path)
    async with caller(side) as calling:
        await calling.turn()
        await side.pool.execute("UPDATE webhook_call SET due_at = '-infinity', recorded_at = now() - interval '1 day'")
        await calling.turn()
        row = await call(side)
        assert (row["state"], row["reason"]) == ("set_aside", "it answered 404")
        step, [plan] = await side.step(), await side.plans()
        assert (step["state"], step["reason"]) == ("failed", "it answered 404")
        told = lines.step_line(plan, step).sentence
        assert told == "The webhook team of the sales team could not be called and was set aside: it answered 404"
        assert await calling.turn() == 0
        [said] = await commands.set_aside(side.pool, [ACCOUNT])
        assert said == f"main {row['call_id']} team (step:1), tried 2 times: it answered 404"
        assert await commands.again(side.pool, ACCOUNT, row["call_id"]) == "it will be called again"
        with pytest.raises(commands.NotSetAsideError):
            await commands.again(side.pool, ACCOUNT, row["call_id"])
        assert await commands.set_aside(side.pool, [ACCOUNT]) == ["no call was given up"]
        assert await calling.turn() == 1
    assert (await call(side))["state"] == "done"
    assert (await side.step())["state"] == "sent"


async def test_a_missing_secret_or_webhook_is_said_and_nothing_leaves_unsigned(
    side: Side, notify: Notify, receiver: Receiver, tmp_path: Path
) -> None:
    await due(side, notify, receiver.url(), tmp_path)
    async with caller(side, environment={}) as calling:
        await calling.turn()
        assert (await call(side))["reason"] == "INGEST_WEBHOOK_TEAM_SECRET is not set"
        (tmp_path / "none.yaml").write_text("flows: []")
        await side.rules(tmp_path / "none.yaml")
        await due_now(side)
        await calling.turn()
    assert (await call(side))["reason"] == "the rules in force name no webhook team"
    assert receiver.got == []


async def test_a_secret_may_stand_in_a_file(side: Side, notify: Notify, receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    await due(side, notify, receiver.url(), tmp_path)
    async with caller(side, environment={"INGEST_WEBHOOK_TEAM_SECRET_FILE": str(tmp_path / "secret")}) as calling:
        await calling.turn()
    [got] = receiver.got
    moment = got.headers["Paybell-Signature"].partition(",")[0].removeprefix("t=")
    signed = hmac.new(SECRET.encode(), f"{moment}.".encode() + got.body, hashlib.sha256).hexdigest()
    assert got.headers["Paybell-Signature"] == f"t={moment},v1={signed}"


async def test_of_two_replicas_one_calls_and_after_a_lost_lease_both_used_one_key(
    side: Side, notify: Notify, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.hang = asyncio.Event()
    await due(side, notify, receiver.url(), tmp_path)
    async with caller(side) as one, caller(side) as other:
        slow = asyncio.ensure_future(one.turn())
        await receiver.came.wait()
        assert await other.turn() == 0
        await side.pool.execute("UPDATE webhook_call SET leased_until = '-infinity'")  # it took too long
        quick = asyncio.ensure_future(other.turn())
        await receiver.came_twice.wait()
        receiver.answers = [500, 200]
        receiver.hang.set()
        await asyncio.gather(slow, quick)
    row = await call(side)
    assert row["tries"] == 2
    assert {got.headers["Idempotency-Key"] for got in receiver.got} == {row["call_id"]}


async def test_a_call_that_was_made_before_a_crash_is_made_again_under_its_key(
    side: Side, notify: Notify, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await due(side, notify, receiver.url(), tmp_path)

    def die(_point: str) -> None:
        raise ConnectionError

    async with caller(side) as calling:
        with monkeypatch.context() as patched:
            patched.setattr("ingest_service.crashpoints.reach", die)
            with pytest.raises(ConnectionError):
                await calling.turn()
        assert await calling.turn() == 0  # the lease of the dead still holds
        await side.pool.execute("UPDATE webhook_call SET leased_until = '-infinity'")
        assert await calling.turn() == 1
    assert len({got.headers["Idempotency-Key"] for got in receiver.got}) == 1
    assert len(receiver.got) == 2
    assert (await call(side))["state"] == "done"


@pytest.mark.parametrize("seen", [StillSo(), Over("at Stripe the invoice is paid")], ids=["still so", "over"])
async def test_a_webhook_of_a_later_day_is_called_only_where_stripe_says_it_is_still_so(
    side: Side, notify: Notify, receiver: Receiver, tmp_path: Path, seen: StillSo | Over
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(
        f'webhooks: {{team: {{url: "{receiver.url()}"}}}}\n'
        "teams: {sales: {members: []}}\n"
        "flows: [{flow: alert, on: payment_failed, to: team:sales, steps: [{webhook: team, after: 3d}]}]\n"
    )
    await side.rules(file)
    await side.fact()
    await side.planning().turn()
    side.clock.pass_(timedelta(days=3))
    side.looks["in_1"] = seen
    await side.look_up(notify[1])
    assert side.looked_at == ["in_1"]
    so = isinstance(seen, StillSo)
    async with caller(side) as calling:
        assert await calling.turn() == int(so)
    assert ["Paybell-Signature" in got.headers for got in receiver.got] == [False] * so
    assert (await side.step())["state"] == ("sent" if so else "cancelled")
