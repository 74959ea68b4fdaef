"""The methods of ``notify.v1.NotificationService``."""

import asyncio
import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never
from uuid import UUID

import grpc
import structlog
from google.protobuf.message import Message

from notify.v1 import notification_pb2, service_pb2
from notify_service import wire
from notify_service.clock import Clock
from notify_service.delivery.service import OUTCOMES_BELL
from notify_service.edge.grpc_limits import Method, RefusedError
from notify_service.intake import cancelling, fields
from notify_service.intake.fields import RejectedError
from notify_service.intake.parsing import parse
from notify_service.intake.request import notification_id
from notify_service.intake.results import Previewed, Rejected, Result, Stored, reject
from notify_service.intake.submission import Intake
from notify_service.metrics import Metrics
from notify_service.outcomes import feed
from notify_service.story import reading
from notify_service.story.telling import tell
from notify_service.wake import Bells

log = structlog.get_logger()

SERVICE = "notify.v1.NotificationService"
BIGGEST_BATCH = 500
BIGGEST_PAGE = 200
LONGEST_WAIT_SECONDS = 30.0
POLL_SECONDS = 1.0
FARTHEST_CANCEL = datetime.timedelta(days=366)

INVALID, MISSING, PRECONDITION = (
    grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION,
)  # fmt: skip


def _up_to(field: str, value: int, most: int) -> int:
    if not 0 <= value <= most:
        raise RefusedError(INVALID, f"{field} is not from 1 to {most}: use such a one, or 0 for what is usual")
    return value


@dataclass(frozen=True)
class NotificationRpc:
    """The service behind the contract."""

    pool: Any
    clock: Clock
    accounts: Mapping[str, Any]
    intake: Intake
    bells: Bells
    metrics: Metrics
    stopping: asyncio.Event

    def methods(self) -> dict[str, tuple[type[Message], Method]]:
        """Every method by its name."""
        return {
            "SubmitNotifications": (service_pb2.SubmitNotificationsRequest, self.submit),
            "GetNotification": (service_pb2.GetNotificationRequest, self.get),
            "ListNotifications": (service_pb2.ListNotificationsRequest, self.list),
            "CancelConcern": (service_pb2.CancelConcernRequest, self.cancel),
            "PullOutcomes": (service_pb2.PullOutcomesRequest, self.pull),
            "AckOutcomes": (service_pb2.AckOutcomesRequest, self.acknowledge),
            "GetStory": (service_pb2.GetStoryRequest, self.story),
        }

    def _account(self, account_id: str) -> str:
        if fields.match("account_id", account_id, fields.ACCOUNT_ID) not in self.accounts:
            raise RefusedError(PRECONDITION, "account_id names no configured account: add it to the accounts file")
        return account_id

    async def submit(self, request: service_pb2.SubmitNotificationsRequest, caller: str) -> Message:
        """SubmitNotifications."""
        if not 1 <= len(request.requests) <= BIGGEST_BATCH:
            raise RefusedError(INVALID, f"requests has {len(request.requests)} items: send 1 to {BIGGEST_BATCH}")
        started, now = asyncio.get_running_loop().time(), self.clock.now()
        items = [self._read(message, caller, now) for message in request.requests]
        results = await self.intake.submit(items)
        counts = self._count(request.requests, results)
        elapsed = round(1000 * (asyncio.get_running_loop().time() - started), 1)
        log.info("submit", caller=caller, count=len(items), results=counts, duration_ms=elapsed)
        answers = [
            wire.result(message.request_id, given) for message, given in zip(request.requests, results, strict=True)
        ]
        return service_pb2.SubmitNotificationsResponse(results=answers)

    def _read(self, message: notification_pb2.NotificationRequest, caller: str, now: datetime.datetime) -> Any:
        try:
            item = parse(message, caller, now)
        except RejectedError as error:
            return reject(error)
        if item.account_id not in self.accounts:
            return Rejected(
                "account_id", "names no configured account", f"use one of {', '.join(sorted(self.accounts))}"
            )
        return item

    def _count(
        self, messages: Sequence[notification_pb2.NotificationRequest], results: Sequence[Result]
    ) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for message, given in zip(messages, results, strict=True):
            account = message.account_id if message.account_id in self.accounts else "unknown"
            match given:
                case Rejected(field):
                    kind, reason = "rejected", field.partition("[")[0].partition(".")[0]
                case Previewed():
                    kind, reason = "dry_run", ""
                case Stored():
                    kind, reason = "duplicate" if given.duplicate else given.state, given.reason or ""
                case _:
                    assert_never(given)
            self.metrics.submitted.labels(account, kind, reason).inc()
            counts[kind] += 1
        return dict(counts)

    async def get(self, request: service_pb2.GetNotificationRequest, caller: str) -> Message:
        """GetNotification."""
        account = self._account(request.account_id)
        async with self.pool.acquire() as conn:
            row = await reading.one(conn, account, caller, self._identity(request, account, caller))
        if row is None:
            raise RefusedError(MISSING, "there is no such notification of this caller")
        return service_pb2.GetNotificationResponse(notification=wire.notification(row))

    @staticmethod
    def _identity(request: Any, account: str, caller: str) -> UUID:
        match request.WhichOneof("key"):
            case "notification_id":
                return wire.identity(request.notification_id, "notification_id")
            case "request_id":
                return notification_id(
                    caller, account, fields.match("request_id", request.request_id, fields.REQUEST_ID)
                )
            case _:
                raise RefusedError(INVALID, "one of notification_id and request_id is needed")

    async def list(self, request: service_pb2.ListNotificationsRequest, caller: str) -> Message:
        """ListNotifications."""
        account = self._account(request.account_id)
        size = _up_to("page_size", request.page_size, BIGGEST_PAGE) or 50
        wanted = reading.Filter(
            states=[wire.state_name(one) for one in request.states],
            concern=fields.match("concern", request.concern, fields.CONCERN) if request.concern else None,
            person_id=fields.match("person_id", request.person_id, fields.PERSON) if request.person_id else None,
            label=self._label(request) if request.label_key else None,
            created_from=fields.moment("created_from", request.created_from)
            if request.HasField("created_from")
            else None,
            created_until=fields.moment("created_until", request.created_until)
            if request.HasField("created_until")
            else None,
        )
        after = reading.decode_token(request.page_token) if request.page_token else None
        async with self.pool.acquire() as conn:
            rows = await reading.listed(conn, account, caller, wanted, after, size + 1)
        token = reading.encode_token(rows[size - 1]) if len(rows) > size else ""
        return service_pb2.ListNotificationsResponse(
            notifications=[wire.notification(row) for row in rows[:size]], next_page_token=token
        )

    @staticmethod
    def _label(request: service_pb2.ListNotificationsRequest) -> tuple[str, str]:
        name = fields.match("label_key", request.label_key, fields.NAME)
        return name, fields.plain("label_value", request.label_value, 200)

    async def cancel(self, request: service_pb2.CancelConcernRequest, caller: str) -> Message:
        """CancelConcern."""
        account = self._account(request.account_id)
        concern = fields.match("concern", request.concern, fields.CONCERN)
        as_of, now = fields.moment("as_of", request.as_of, present=request.HasField("as_of")), self.clock.now()
        if as_of > now + FARTHEST_CANCEL:
            raise RefusedError(INVALID, "as_of is more than a year ahead: give the time at which the concern was over")
        async with self.pool.acquire() as conn, conn.transaction():
            done = await cancelling.cancel(conn, account, caller, concern, as_of, now)
        log.info("cancel", caller=caller, account_id=account, concern=concern, count=len(done))
        return service_pb2.CancelConcernResponse(
            notifications=[
                service_pb2.CancelledNotification(
                    notification_id=str(one.notification_id),
                    request_id=one.request_id,
                    effect=service_pb2.CANCEL_EFFECT_CANCELLED if one.ended else service_pb2.CANCEL_EFFECT_ALREADY_SENT,
                )
                for one in done
            ]
        )

    async def pull(self, request: service_pb2.PullOutcomesRequest, caller: str) -> Message:
        """PullOutcomes: looks at once, then whenever something was added, and every second; a process that stops keeps nobody waiting."""
        if not 1 <= len(request.account_ids) <= BIGGEST_BATCH:
            raise RefusedError(INVALID, f"account_ids has {len(request.account_ids)} items: name 1 to {BIGGEST_BATCH}")
        accounts = [self._account(account) for account in request.account_ids]
        kinds = [wire.kind_name(kind) for kind in request.kinds]
        most = _up_to("max_outcomes", request.max_outcomes, BIGGEST_BATCH) or 100
        wait = fields.duration("wait", request.wait).total_seconds()
        if not 0 <= wait <= LONGEST_WAIT_SECONDS:
            raise RefusedError(
                INVALID, f"wait is not from 0 to {LONGEST_WAIT_SECONDS:.0f} s: ask again after a shorter one"
            )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while True:
            async with self.pool.acquire() as conn:
                rows = await feed.pull(conn, caller, accounts, kinds, most)
            left = deadline - loop.time()
            if rows or left <= 0 or self.stopping.is_set():
                return service_pb2.PullOutcomesResponse(outcomes=[wire.outcome(row) for row in rows])
            await self.bells[OUTCOMES_BELL].wait(min(left, POLL_SECONDS))

    async def acknowledge(self, request: service_pb2.AckOutcomesRequest, caller: str) -> Message:
        """AckOutcomes."""
        if not 1 <= len(request.outcomes) <= BIGGEST_BATCH:
            raise RefusedError(INVALID, f"outcomes has {len(request.outcomes)} items: name 1 to {BIGGEST_BATCH}")
        named = [
            (self._account(one.account_id), wire.identity(one.outcome_id, "outcome_id")) for one in request.outcomes
        ]
        async with self.pool.acquire() as conn:
            await feed.acknowledge(conn, caller, named)
        return service_pb2.AckOutcomesResponse()

    async def story(self, request: service_pb2.GetStoryRequest, caller: str) -> Message:
        """GetStory."""
        account = self._account(request.account_id)
        async with self.pool.acquire() as conn:
            match request.WhichOneof("key"):
                case "concern":
                    concern = fields.match("concern", request.concern, fields.CONCERN)
                    wanted = await reading.of_concern(conn, account, caller, concern)
                case "provider_sid":
                    sid = fields.match("provider_sid", request.provider_sid, fields.SID)
                    wanted = await reading.of_sid(conn, account, sid)
                case _:
                    wanted = [self._identity(request, account, caller)]
            found = [
                records for one in wanted if (records := await reading.records(conn, account, caller, one)) is not None
            ]
        if not found:
            raise RefusedError(MISSING, "there is no such notification of this caller")
        return service_pb2.GetStoryResponse(stories=[tell(records) for records in found])
