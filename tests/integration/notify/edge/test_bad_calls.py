"""Calls that are wrong, too large or too many get a clean status; nothing that was sent comes back or is logged."""

import asyncio
import gzip
import io
import json
import logging
import os
import resource
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import grpc
import pytest
import structlog
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc

from notify.v1 import consent_pb2, notification_pb2, outcome_pb2, recipient_pb2, service_pb2, value_pb2
from notify_service import app, logs
from notify_service.intake.submission import Intake
from notify_service.settings import Settings
from tests.integration.notify import service
from tests.integration.notify.service import Client, now, request, stamp
from tests.postgres import MigratedServer

SUBMIT = "/notify.v1.NotificationService/SubmitNotifications"
BROKEN = Timestamp(seconds=2**62)


UNKNOWN: Any = 99  # an enumeration's number that the contract does not know


def raw_call(caller: Client, method: str) -> Any:
    """A method called with bytes instead of a message."""
    return caller.channel.unary_unary(method)


async def status(call: Any) -> tuple[grpc.StatusCode, str]:
    """How a call fails."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return failed.value.code(), failed.value.details() or ""


@pytest.mark.parametrize(
    ("method", "message", "said"),
    [
        ("SubmitNotifications", service_pb2.SubmitNotificationsRequest(), "requests has 0 items: send 1 to 500"),
        ("GetNotification", service_pb2.GetNotificationRequest(), "account_id is missing: use [a-z0-9][a-z0-9-]{0,62}"),
        ("GetNotification", service_pb2.GetNotificationRequest(account_id="main"), "one of notification_id and request_id is needed"),
        ("GetNotification", service_pb2.GetNotificationRequest(account_id="main", notification_id="+14155552671"), "notification_id is not an id that notify gave: use one as it was answered"),
        ("GetNotification", service_pb2.GetNotificationRequest(account_id="main", request_id="+1 415 555 2671"), "request_id has characters"),
        ("ListNotifications", service_pb2.ListNotificationsRequest(account_id="main", states=[UNKNOWN]), "states has one that is unknown"),
        ("ListNotifications", service_pb2.ListNotificationsRequest(account_id="main", page_size=-1), "page_size is not from 1 to 200: use such a one, or 0 for what is usual"),
        ("ListNotifications", service_pb2.ListNotificationsRequest(account_id="main", page_size=201), "page_size is not from 1 to 200"),
        ("ListNotifications", service_pb2.ListNotificationsRequest(account_id="main", page_token="WyJ4Il0="), "page_token is not one"),
        ("ListNotifications", service_pb2.ListNotificationsRequest(account_id="main", page_token="\x00é"), "page_token is not one"),
        ("ListNotifications", service_pb2.ListNotificationsRequest(account_id="main", concern="a\x00"), "concern has characters"),
        ("ListNotifications", service_pb2.ListNotificationsRequest(account_id="main", label_key="k", label_value="\x00"), "label_value has a control character"),
        ("ListNotifications", service_pb2.ListNotificationsRequest(account_id="main", created_from=BROKEN), "created_from is no time"),
        ("CancelConcern", service_pb2.CancelConcernRequest(account_id="main", concern="c"), "as_of is missing: give a time"),
        ("CancelConcern", service_pb2.CancelConcernRequest(account_id="main", concern="c", as_of=BROKEN), "as_of is no time"),
        ("CancelConcern", service_pb2.CancelConcernRequest(account_id="main", concern="c", as_of=Timestamp(seconds=253402300799)), "as_of is more than a year ahead"),
        ("CancelConcern", service_pb2.CancelConcernRequest(account_id="main", as_of=stamp(now())), "concern is missing"),
        ("PullOutcomes", service_pb2.PullOutcomesRequest(), "account_ids has 0 items"),
        ("PullOutcomes", service_pb2.PullOutcomesRequest(account_ids=["main"], kinds=[UNKNOWN]), "kinds has one that is unknown"),
        ("PullOutcomes", service_pb2.PullOutcomesRequest(account_ids=["main"], max_outcomes=-1), "max_outcomes is not from 1 to 500: use such a one, or 0 for what is usual"),
        ("PullOutcomes", service_pb2.PullOutcomesRequest(account_ids=["main"], max_outcomes=501), "max_outcomes is not from 1 to 500"),
        ("PullOutcomes", service_pb2.PullOutcomesRequest(account_ids=["main"], wait=Duration(seconds=31)), "wait is not from 0 to 30 s: ask again after a shorter one"),
        ("PullOutcomes", service_pb2.PullOutcomesRequest(account_ids=["main"], wait=Duration(seconds=-1)), "wait is not from 0 to 30 s"),
        ("PullOutcomes", service_pb2.PullOutcomesRequest(account_ids=["main"], wait=Duration(seconds=2**62)), "wait is no duration"),
        ("AckOutcomes", service_pb2.AckOutcomesRequest(), "outcomes has 0 items"),
        ("AckOutcomes", service_pb2.AckOutcomesRequest(outcomes=[service_pb2.OutcomeRef(account_id="main", outcome_id="x")]), "outcome_id is not an id"),
        ("GetStory", service_pb2.GetStoryRequest(account_id="main"), "one of notification_id and request_id is needed"),
        ("GetStory", service_pb2.GetStoryRequest(account_id="main", provider_sid="SM\x00"), "provider_sid has characters"),
        ("GetStory", service_pb2.GetStoryRequest(account_id="main", concern=" "), "concern has characters"),
    ],
)  # fmt: skip
async def test_a_wrong_call_names_the_field_and_the_remedy(
    caller: Client, method: str, message: Any, said: str
) -> None:
    code, details = await status(getattr(caller.stub, method)(message))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert details.startswith(said)
    assert "4155552671" not in details


async def test_an_account_that_is_not_configured_is_the_operators_affair(caller: Client) -> None:
    code, details = await status(caller.stub.GetNotification(service_pb2.GetNotificationRequest(account_id="other")))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "accounts file" in details


async def test_what_does_not_exist_is_not_found(caller: Client) -> None:
    for call in (
        caller.stub.GetNotification(service_pb2.GetNotificationRequest(account_id="main", request_id="none")),
        caller.stub.GetStory(service_pb2.GetStoryRequest(account_id="main", concern="none")),
        caller.stub.GetStory(service_pb2.GetStoryRequest(account_id="main", provider_sid="SM1")),
    ):
        assert (await status(call))[0] is grpc.StatusCode.NOT_FOUND
    code, _ = await status(raw_call(caller, "/notify.v1.NotificationService/Nothing")(b""))
    assert code is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "raw", [b"\xff\xff +14155552671", b"\x0a\x7f", b"\x0a\x03\x0a\x01\xff", os.urandom(64) + b"\x07"]
)
async def test_bytes_that_are_no_message_get_a_clean_status(caller: Client, raw: bytes) -> None:
    code, details = await status(raw_call(caller, SUBMIT)(raw))
    assert (code, details) == (grpc.StatusCode.INVALID_ARGUMENT, "the message is not what notify.v1 says it is")


async def test_an_oversized_message_is_refused_also_when_it_comes_packed(caller: Client) -> None:
    code, details = await status(raw_call(caller, SUBMIT)(b"\x0a" * (1024 * 1024 + 1)))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "x0a" not in details
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bomb = service_pb2.SubmitNotificationsRequest(
        requests=[notification_pb2.NotificationRequest(request_id="0" * (64 * 1024 * 1024))]
    ).SerializeToString()
    assert len(gzip.compress(bomb)) < 1024 * 1024
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    code, _ = await status(raw_call(caller, SUBMIT)(bomb, compression=grpc.Compression.Gzip))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - max(before, grown) < 300 * 1024
    # and the server is well
    assert (await caller.submit(request()))[0].notification_id


async def test_a_batch_of_five_hundred_is_taken_and_one_more_is_not(caller: Client, quiet_settings: Settings) -> None:
    requests = [request(f"r-{number}") for number in range(501)]
    assert (await status(caller.submit(*requests)))[0] is grpc.StatusCode.INVALID_ARGUMENT
    results = await caller.submit(*requests[:500])
    assert [result.WhichOneof("result") for result in results] == ["accepted"] * 500
    assert len({result.notification_id for result in results}) == 500
    connection = await asyncpg.connect(quiet_settings.notify_database_url.get_secret_value())
    assert await connection.fetchval("SELECT count(*) FROM notification") == 500
    await connection.close()


@pytest.mark.parametrize(
    ("method", "streams"),
    [
        ("/grpc.health.v1.Health/Check", False),
        ("/grpc.health.v1.Health/Watch", True),
        ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", True),
    ],
)
async def test_bytes_that_are_no_message_get_a_clean_status_from_health_and_reflection_too(
    caller: Client, method: str, streams: bool
) -> None:
    """grpc.aio's own answer is Python's words about what was sent."""
    raw = b"\xff\xff +14155552671"
    channel: Any = caller.channel
    if method.endswith("Info"):
        answer: Any = channel.stream_stream(method)(iter([raw]))
    else:
        answer = channel.unary_stream(method)(raw) if streams else channel.unary_unary(method)(raw)
    code, details = await status(answer.read() if streams else answer)
    assert (code, details) == (grpc.StatusCode.INVALID_ARGUMENT, "the message is not what its service says it is")


async def test_a_handler_that_fails_says_nothing_of_what_it_handled(
    caller: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    logs.configure("notify-service", to=written)

    async def fail(_self: Any, requests: Any) -> Any:
        number = requests[0].addresses[0].candidate.number
        raise RuntimeError(f"cannot send to {number}")

    monkeypatch.setattr(Intake, "submit", fail)
    code, details = await status(caller.submit(request(number="+14155552671")))
    assert (code, details) == (grpc.StatusCode.INTERNAL, "this failed here; the same call may be repeated")
    [line] = [json.loads(line) for line in written.getvalue().splitlines() if "rpc.failed" in line]
    assert line["exception"] == "RuntimeError"
    assert any("fail" in frame for frame in line["came_through"])
    assert "4155552671" not in written.getvalue()


async def test_a_database_that_is_gone_is_told_as_later(
    caller: Client, quiet_settings: Settings, postgres_server: MigratedServer
) -> None:
    name = urlsplit(quiet_settings.notify_database_url.get_secret_value()).path[1:]
    postgres_server.server.execute(
        f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
        f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}' AND backend_type = 'client backend'",
    )
    codes = set()
    for _ in range(25):  # each of the pool's connections may have to find out for itself
        code, details = await status(caller.submit(request()))
        codes.add(code)
        assert "database" in details
    assert codes == {grpc.StatusCode.UNAVAILABLE}
    postgres_server.server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert (await caller.submit(request()))[0].notification_id


async def test_a_call_that_its_caller_gives_up_is_taken_whole_or_not_at_all(
    caller: Client, quiet_settings: Settings
) -> None:
    later = stamp(now().replace(microsecond=0))
    batch = [request(f"r-{number}", not_before=later, moment=now()) for number in range(50)]
    message = service_pb2.SubmitNotificationsRequest(requests=batch)
    for milliseconds in (1, 3, 6, 12, 25, 50):
        call = caller.stub.SubmitNotifications(message)
        await asyncio.wait([asyncio.ensure_future(call.code())], timeout=milliseconds / 1000)
        call.cancel()
    results = await caller.submit(*batch)
    assert {result.WhichOneof("result") for result in results} == {"accepted"}
    connection = await asyncpg.connect(quiet_settings.notify_database_url.get_secret_value())
    for table in ("notification", "notification_body", "gate_check"):
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 50
    await connection.close()


def reflecting(caller: Client) -> Any:
    """The stream of a caller that asks for the list of services."""
    channel: Any = caller.channel
    ask = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    return ask(iter([b"\x3a\x00"]))


async def test_health_tells_whether_it_serves_and_reflection_is_there_only_where_asked_for(
    caller: Client, notify_database_url: str
) -> None:
    health = health_pb2_grpc.HealthStub(caller.channel)
    for name in ("", "notify.v1.NotificationService"):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        watch = health.Watch(health_pb2.HealthCheckRequest(service=name))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
    nobody = health_pb2.HealthCheckRequest(service="nobody")
    assert (await status(health.Check(nobody)))[0] is grpc.StatusCode.NOT_FOUND
    stream = reflecting(caller)
    assert b"notify.v1.NotificationService" in await stream.read()
    production = service.settings(notify_database_url, "http://127.0.0.1:9", notify_grpc_reflection=False)
    async with service.running(production) as (_, other):
        assert (await status(reflecting(other).read()))[0] is grpc.StatusCode.UNIMPLEMENTED


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything that is logged, by us and by every library, at the chattiest level."""
    stream = io.StringIO()
    logs.configure("notify-service", "DEBUG", stream)
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("", "grpc", "asyncpg", "aiohttp", "structlog")}
    yield stream
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    root.handlers[:] = []
    structlog.reset_defaults()


async def test_no_number_text_or_secret_is_logged_counted_or_answered(
    written: io.StringIO, quiet: tuple[app.RunningService, Client], quiet_settings: Settings
) -> None:
    """A canary in every field that may hold one, through every method, with good and with bad calls."""
    running, client = quiet
    number, words = "+14155552671", "Zanzibar Unicorn"
    evidence = consent_pb2.ConsentEvidence(
        verdict=consent_pb2.CONSENT_VERDICT_GRANTED, source="checkout", wording=words, given_at=stamp(now())
    )
    items = value_pb2.Value(texts=value_pb2.TextList(items=[value_pb2.Text(text=words)]))
    good = request("r-1", number=number, consent_evidence=[evidence], template="payment_succeeded", values={
        "amount": request().values["amount"], "items": items,
    }, not_before=stamp(now()))  # fmt: skip
    bad = [
        request("r-2", concern=number + " "),
        request("r-3", template=words),
        request("r-4", labels={"k": number + "\x00"}),
        request("r-5", values={"amount": value_pb2.Value(text=value_pb2.Text(text=words))}),
        request("r-6", number=f"{number} x 7"),
        request("r-7", recipient=recipient_pb2.Recipient(person_id=words)),
    ]
    answers = [str(await client.submit(good, *bad)), str(await client.submit(good))]
    calls: tuple[Any, ...] = (
        client.stub.GetStory(service_pb2.GetStoryRequest(account_id="main", request_id="r-1")),
        client.stub.GetNotification(service_pb2.GetNotificationRequest(account_id="main", request_id="r-1")),
        client.stub.ListNotifications(service_pb2.ListNotificationsRequest(account_id="main")),
        client.stub.PullOutcomes(service_pb2.PullOutcomesRequest(account_ids=["main"], kinds=[outcome_pb2.OUTCOME_KIND_ENDED])),
    )  # fmt: skip
    answers.extend([str(await call) for call in calls])
    answers.append(str(await status(raw_call(client, SUBMIT)(b"\xff" + number.encode() + words.encode()))))
    answers.append(str(await status(client.stub.GetStory(service_pb2.GetStoryRequest(account_id="main", provider_sid=number)))))  # fmt: skip
    async with aiohttp.ClientSession() as session:
        for path in ("metrics", "readyz", "clock"):
            async with session.get(f"http://127.0.0.1:{running.admin_port}/{path}") as response:
                answers.append(await response.text())
    everything = written.getvalue() + "".join(answers)
    assert '"event":"submit"' in written.getvalue()
    for secret in (
        number, number[1:], "555-2671", words, "Zanzibar", quiet_settings.notify_data_keys.get_secret_value(),
        quiet_settings.twilio_auth_token.get_secret_value(),
    ):  # fmt: skip
        assert secret not in everything
    for line in written.getvalue().splitlines():
        assert json.loads(line)["service"] == "notify-service"
