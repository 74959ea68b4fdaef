"""What intake keeps to when requests come at once, again, or against each other. Nothing is sent here: everything is for later."""

import asyncio
import datetime
from collections.abc import Sequence
from typing import Any

import asyncpg
import grpc
import pytest

from notify.v1 import consent_pb2, notification_pb2, recipient_pb2, service_pb2
from notify_service import app
from notify_service.consent import ledger
from notify_service.delivery import states
from notify_service.intake.submission import Intake
from notify_service.settings import Settings
from tests.integration.notify.service import Client, now, request, stamp


def later(identity: str = "r-1", **more: Any) -> notification_pb2.NotificationRequest:
    """A request that is due in half an hour, the same bytes each time in a test."""
    given: dict[str, Any] = {"not_before": DUE, "moment": NOON} | more
    made: notification_pb2.NotificationRequest = request(identity, **given)
    return made


NOON = now().replace(microsecond=0)
DUE = stamp(NOON + datetime.timedelta(minutes=100))


async def rows(settings: Settings, query: str, *arguments: Any) -> list[Any]:
    """What the database holds."""
    connection = await asyncpg.connect(settings.notify_database_url.get_secret_value())
    try:
        return list(await connection.fetch(query, *arguments))
    finally:
        await connection.close()


UNTIL = NOON + datetime.timedelta(minutes=110)


async def hand_back(settings: Settings, reason: str = "quiet_hours", failed: Sequence[str] = ()) -> None:
    """As delivery does where a message may not go yet, or where a channel failed after it was accepted."""
    await rows(
        settings,
        """UPDATE notification SET state = 'handed_back', reason = $1, due_at = $2, provider_code = 30003,
                  failed_channels = failed_channels || $3::text[]""",
        reason,
        UNTIL,
        list(failed),
    )


async def test_many_callers_submitting_overlapping_batches_at_once_store_each_request_once(
    caller: Client, quiet_settings: Settings
) -> None:
    """Batches in different orders, with shared numbers and people: no deadlock reaches a caller, every answer is the same."""
    requests = [later(f"r-{n}", number=f"+1415555{2000 + n % 7}") for n in range(40)]
    batches = [
        [requests[(start + step * n) % 40] for n in range(20)] for start in range(0, 40, 5) for step in (1, 3, 39)
    ]
    answers = await asyncio.gather(*(caller.submit(*batch) for batch in batches))
    ids: dict[str, set[str]] = {}
    fresh: dict[str, int] = {}
    for batch, results in zip(batches, answers, strict=True):
        for sent, result in zip(batch, results, strict=True):
            assert result.WhichOneof("result") == "accepted", result
            assert result.request_id == sent.request_id
            ids.setdefault(sent.request_id, set()).add(result.notification_id)
            fresh[sent.request_id] = fresh.get(sent.request_id, 0) + (not result.duplicate)
    assert all(len(one) == 1 for one in ids.values())
    assert set(fresh.values()) == {1}
    assert len(await rows(quiet_settings, "SELECT 1 FROM notification")) == len(ids)
    assert len(await rows(quiet_settings, "SELECT 1 FROM address")) == 7
    assert len(await rows(quiet_settings, "SELECT 1 FROM notification_body")) == len(ids)


async def test_the_act_of_giving_a_number_is_entered_once_and_the_chain_holds_whoever_comes_at_once(
    caller: Client, quiet_settings: Settings
) -> None:
    await asyncio.gather(*(caller.submit(*(later(f"r-{batch}-{n}") for n in range(5))) for batch in range(10)))
    [entry] = await rows(quiet_settings, "SELECT * FROM consent_entry")
    assert (entry["source"], entry["person_id"], entry["channel"], entry["category"]) == (
        "given_in_transaction", "cus_ana", "sms", "transactional",
    )  # fmt: skip
    connection = await asyncpg.connect(quiet_settings.notify_database_url.get_secret_value())
    assert await ledger.verify(connection, "main", entry["address_id"])
    await connection.execute("UPDATE consent_entry SET actor = 'somebody else'")
    assert not await ledger.verify(connection, "main", entry["address_id"])
    await connection.close()
    named = await rows(quiet_settings, "SELECT DISTINCT consent_seqs FROM notification")
    assert [row["consent_seqs"] for row in named] == [[1]]


async def test_two_people_with_one_number_each_give_it_and_have_a_message_of_their_own(
    caller: Client, quiet_settings: Settings
) -> None:
    bob = recipient_pb2.Recipient()
    bob.CopyFrom(later().recipient)
    bob.person_id = "cus_bob"
    first, second = await caller.submit(later("r-1"), later("r-2", recipient=bob))
    assert first.notification_id != second.notification_id
    entries = await rows(quiet_settings, "SELECT address_id, person_id FROM consent_entry ORDER BY seq")
    assert [entry["person_id"] for entry in entries] in (["cus_ana", "cus_bob"], ["cus_bob", "cus_ana"])
    assert len({entry["address_id"] for entry in entries}) == 1


async def test_contradicting_items_of_one_batch_are_told_apart(caller: Client) -> None:
    one, other, again, early = await caller.submit(
        later("r-1"), later("r-1", kind="another"), later("r-1"), later("r-1", round=2)
    )
    assert (one.WhichOneof("result"), one.duplicate) == ("accepted", False)
    assert (other.rejected.field, early.rejected.field) == ("request_id", "round")
    assert (again.WhichOneof("result"), again.duplicate) == ("accepted", True)


async def test_contradicting_next_rounds_of_one_batch_are_told_apart(caller: Client, quiet_settings: Settings) -> None:
    await caller.submit(later("r-1"))
    await hand_back(quiet_settings)
    second, other = await caller.submit(later("r-1", round=2), later("r-1", round=2, kind="another"))
    assert (second.round, second.WhichOneof("result")) == (2, "accepted")
    assert other.rejected.field == "request_id"


async def test_a_next_round_is_begun_once_and_says_everything_anew(caller: Client, quiet_settings: Settings) -> None:
    await caller.submit(later("r-1"))
    await hand_back(quiet_settings)
    changed = later(
        "r-1", round=2, template="refund_issued", kind="refund_issued", labels={"refund": "re_1"},
        lane=notification_pb2.LANE_PAYMENT, if_not_now=notification_pb2.IF_NOT_NOW_DROP,
    )  # fmt: skip
    answers = await asyncio.gather(*(caller.submit(changed) for _ in range(20)))
    results = [result for [result] in answers]
    assert {(result.round, result.WhichOneof("result")) for result in results} == {(2, "accepted")}
    assert sum(not result.duplicate for result in results) == 1
    [row] = await rows(quiet_settings, "SELECT * FROM notification")
    assert (row["round"], row["template"], row["kind"], row["lane"], row["if_not_now"], row["labels"], row["provider_code"]) == (
        2, "refund_issued", "refund_issued", 2, "drop", '{"refund": "re_1"}', 0,
    )  # fmt: skip
    assert len(await rows(quiet_settings, "SELECT 1 FROM notification_body")) == 2


async def test_a_handed_back_request_that_is_repeated_gets_what_is_stored(
    caller: Client, quiet_settings: Settings
) -> None:
    await caller.submit(later("r-1"))
    await hand_back(quiet_settings)
    [again] = await caller.submit(later("r-1"))
    assert again.duplicate
    assert again.handed_back.reason == notification_pb2.REASON_QUIET_HOURS
    assert again.handed_back.until == stamp(UNTIL)
    [far] = await caller.submit(later("r-1", round=3))
    assert far.rejected.field == "round"


async def test_channels_that_failed_for_certain_do_not_come_back(caller: Client, quiet_settings: Settings) -> None:
    both = [recipient_pb2.CHANNEL_SMS, recipient_pb2.CHANNEL_VOICE]
    grant = consent_pb2.ConsentEvidence(
        verdict=consent_pb2.CONSENT_VERDICT_GRANTED, source="checkout", given_at=stamp(NOON)
    )
    await caller.submit(later("r-1", channels=both, consent_evidence=[grant]))
    await hand_back(quiet_settings, "channel_failed", ["sms"])
    for number, reason in ((2, "backlog"), (3, "quiet_hours"), (4, "quiet_hours")):
        [result] = await caller.submit(later("r-1", round=number, channels=both))
        [row] = await rows(quiet_settings, "SELECT channels, state FROM notification")
        assert (result.WhichOneof("result"), row["channels"], row["state"]) == ("accepted", ["voice"], "queued")
        await hand_back(quiet_settings, reason)
    [last] = await caller.submit(later("r-1", round=5, channels=both[:1]))
    assert last.suppressed.reason == notification_pb2.REASON_CHANNEL_FAILED


async def test_every_move_that_intake_and_a_cancel_make_is_checked_against_the_table(
    caller: Client, quiet_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them is there; without it in the table, it is not made."""
    over = stamp(NOON - datetime.timedelta(seconds=1))
    past = stamp(NOON - datetime.timedelta(hours=1))
    cancel = service_pb2.CancelConcernRequest(
        account_id="main", concern="invoice:in_9/unpaid", as_of=stamp(NOON + datetime.timedelta(seconds=1))
    )
    await caller.stub.CancelConcern(cancel)
    moves = {
        (states.START, "queued"): later("q"),
        (states.START, "suppressed"): later("s", number=""),
        (states.START, "cancelled"): later("c", concern="invoice:in_9/unpaid"),
        (states.START, "expired"): later("e", not_after=over, not_before=past),
    }
    for move, asked in moves.items():
        with monkeypatch.context() as without:
            without.delitem(states.NOTIFICATION, move)
            [result] = await caller.submit(asked)
            assert "defect" in result.rejected.reason, move
        await caller.submit(asked)
        [row] = await rows(quiet_settings, "SELECT state FROM notification WHERE request_id = $1", asked.request_id)
        assert (states.START, row["state"]) == move
    again = {
        "queued": later("q", round=2),
        "suppressed": later("q", round=2, number=""),
        "cancelled": later("q", round=2, concern="invoice:in_9/unpaid"),
        "expired": later("q", round=2, not_after=over, not_before=past),
    }
    for state, asked in again.items():
        await rows(
            quiet_settings,
            "UPDATE notification SET state = 'handed_back', round = 1, due_at = $1 WHERE request_id = 'q'",
            UNTIL,
        )
        await rows(quiet_settings, "DELETE FROM notification_body WHERE round = 2")
        await rows(quiet_settings, "DELETE FROM gate_check WHERE round = 2")
        with monkeypatch.context() as without:
            without.delitem(states.NOTIFICATION, ("handed_back", state))
            [result] = await caller.submit(asked)
            assert "defect" in result.rejected.reason, state
        await caller.submit(asked)
        [row] = await rows(quiet_settings, "SELECT state FROM notification WHERE request_id = 'q'")
        assert row["state"] == state
    await caller.submit(later("w", concern="invoice:in_8/unpaid"))
    cancel.concern = "invoice:in_8/unpaid"
    with monkeypatch.context() as without:
        without.delitem(states.NOTIFICATION, ("queued", "cancelled"))
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await caller.stub.CancelConcern(cancel)
        assert failed.value.code() is grpc.StatusCode.INTERNAL
    [row] = await rows(quiet_settings, "SELECT state FROM notification WHERE request_id = 'w'")
    assert row["state"] == "queued"


async def test_a_cancel_and_the_intake_of_its_concern_at_once_leave_nothing_that_will_be_sent_unsaid(
    caller: Client, quiet_settings: Settings
) -> None:
    """Whatever order they come in: what is cancelled was told to the canceller or refused, and nothing is left queued."""
    told = refused = 0
    for number in range(25):
        concern = f"invoice:in_{number}/unpaid"
        cancel = service_pb2.CancelConcernRequest(
            account_id="main", concern=concern, as_of=stamp(NOON + datetime.timedelta(seconds=1))
        )
        batch = [later(f"r-{number}-{n}", concern=concern) for n in range(10)]
        results, answer = await asyncio.gather(caller.submit(*batch), caller.stub.CancelConcern(cancel))
        stopped = {result.notification_id for result in results if result.WhichOneof("result") == "suppressed"}
        ended = {one.notification_id for one in answer.notifications}
        assert stopped | ended == {result.notification_id for result in results}
        told, refused = told + bool(ended), refused + bool(stopped)
    left = await rows(quiet_settings, "SELECT state, count(*) FROM notification GROUP BY state")
    assert [(row["state"], row["count"]) for row in left] == [("cancelled", 250)]


async def test_a_cancel_is_the_callers_own_and_never_goes_back_in_time(
    caller: Client, quiet_settings: Settings
) -> None:
    earlier = stamp(NOON - datetime.timedelta(days=1))
    for as_of in (stamp(NOON + datetime.timedelta(seconds=1)), earlier):
        await caller.stub.CancelConcern(
            service_pb2.CancelConcernRequest(account_id="main", concern="invoice:in_1/unpaid", as_of=as_of)
        )
    [stopped] = await caller.submit(later("r-1", concern="invoice:in_1/unpaid"))
    assert stopped.suppressed.reason == notification_pb2.REASON_CONCERN_CANCELLED
    await rows(quiet_settings, "UPDATE concern_cancel SET caller = 'somebody-else'")
    [taken] = await caller.submit(later("r-2", concern="invoice:in_1/unpaid"))
    assert taken.WhichOneof("result") == "accepted"


async def test_a_dry_run_asks_the_ledger_and_leaves_no_trace(caller: Client, quiet_settings: Settings) -> None:
    [would] = await caller.submit(later("r-1", dry_run=True))
    assert would.accepted.preview.text
    counts = await rows(quiet_settings, "SELECT (SELECT count(*) FROM address) + (SELECT count(*) FROM consent_entry) + (SELECT count(*) FROM notification) AS n")  # fmt: skip
    assert counts[0]["n"] == 0
    revoked = consent_pb2.ConsentEvidence(
        verdict=consent_pb2.CONSENT_VERDICT_REVOKED, source="portal", given_at=stamp(NOON)
    )
    await caller.submit(later("r-2", consent_evidence=[revoked]))
    [would_not] = await caller.submit(later("r-3", dry_run=True))
    assert would_not.suppressed.reason == notification_pb2.REASON_OPTED_OUT
    assert not would_not.notification_id


async def test_a_batch_takes_the_same_number_of_statements_whatever_its_size(
    quiet: tuple[app.RunningService, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, client = quiet
    statements: list[str] = []
    counted = asyncpg.pool.PoolConnectionProxy

    def counting(name: str) -> None:
        real = getattr(counted, name)

        async def run(self: Any, query: str, *arguments: Any, **more: Any) -> Any:
            if asyncio.current_task() in asking:
                statements.append(query)
            return await real(self, query, *arguments, **more)

        monkeypatch.setattr(counted, name, run)

    asking: set[Any] = set()
    for name in ("execute", "fetch", "fetchrow", "fetchval"):
        counting(name)
    real_submit = Intake.submit

    async def submit(self: Any, requests: Any) -> Any:
        asking.add(asyncio.current_task())
        return await real_submit(self, requests)

    monkeypatch.setattr(Intake, "submit", submit)
    await client.submit(later("warm"))
    numbers = []
    for size in (1, 10, 400):
        statements.clear()
        results = await client.submit(*(later(f"r-{size}-{n}", number=f"+1415{5550000 + 1000 * (size % 7) + n}") for n in range(size)))  # fmt: skip
        assert all(result.WhichOneof("result") == "accepted" for result in results)
        numbers.append(len(statements))
    assert numbers[0] == numbers[1] == numbers[2], numbers
    assert numbers[0] <= 16


async def test_an_item_that_the_database_does_not_take_harms_no_other(caller: Client, quiet_settings: Settings) -> None:
    await rows(quiet_settings, "ALTER TABLE notification ADD CONSTRAINT never CHECK (kind <> 'poison')")
    good, bad, fine = await caller.submit(later("r-1"), later("r-2", kind="poison"), later("r-3"))
    assert [one.WhichOneof("result") for one in (good, bad, fine)] == ["accepted", "rejected", "accepted"]
    assert "defect" in bad.rejected.reason
