"""A notify that speaks the contract over a real channel and does as a test tells it: keeps what came, answers what is set."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import grpc
from typing_extensions import override

from ingest_service.submitting.notify_client import NotifyClient, connected
from notify.v1.notification_pb2 import NotificationRequest, NotificationState
from notify.v1.outcome_pb2 import Outcome
from notify.v1.service_pb2 import (
    Accepted,
    AckOutcomesRequest,
    AckOutcomesResponse,
    CancelConcernRequest,
    CancelConcernResponse,
    GetNotificationRequest,
    GetNotificationResponse,
    GetStoryRequest,
    GetStoryResponse,
    ListNotificationsRequest,
    ListNotificationsResponse,
    PullOutcomesRequest,
    PullOutcomesResponse,
    SubmitNotificationsRequest,
    SubmitNotificationsResponse,
    SubmitResult,
)
from notify.v1.service_pb2_grpc import NotificationServiceServicer, add_NotificationServiceServicer_to_server


@dataclass
class Standin(NotificationServiceServicer):
    """Remembers requests by (request id, round); the first answer to each is the stored one."""

    received: list[NotificationRequest] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    stored: dict[tuple[str, int], SubmitResult] = field(default_factory=dict)
    bytes_of: dict[tuple[str, int], bytes] = field(default_factory=dict)
    answers: list[SubmitResult] = field(default_factory=list)  # for the next new requests, else accepted
    fail_before: list[grpc.StatusCode] = field(default_factory=list)
    lose_answer: int = 0  # takes the requests, then fails
    refuse_if: Any = None  # request -> bool: the whole batch is refused
    cancels: list[CancelConcernRequest] = field(default_factory=list)
    cancel_answer: CancelConcernResponse = field(default_factory=CancelConcernResponse)
    feed: list[Outcome] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    acknowledging: asyncio.Event = field(default_factory=asyncio.Event)
    story_answer: GetStoryResponse | None = None
    hold: asyncio.Event | None = None
    pull: Any = None  # awaited before a pull is answered
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    async def SubmitNotifications(
        self, request: SubmitNotificationsRequest, context: Any
    ) -> SubmitNotificationsResponse:
        """Takes a batch."""
        self.calls.append(len(request.requests))
        if self.fail_before:
            await context.abort(self.fail_before.pop(0), "told to")
        if self.refuse_if is not None and any(self.refuse_if(each) for each in request.requests):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "requests[0]: told to refuse it")
        results = [self._take(each) for each in request.requests]
        self.arrived.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.lose_answer:
            self.lose_answer -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the answer got lost")
        return SubmitNotificationsResponse(results=results)

    def _take(self, request: NotificationRequest) -> SubmitResult:
        key = request.request_id, request.round
        self.received.append(request)
        frozen = request.SerializeToString(deterministic=True)
        if key in self.stored:
            assert self.bytes_of[key] == frozen, "the same round came with other bytes"
            again = SubmitResult()
            again.CopyFrom(self.stored[key])
            again.duplicate = True
            return again
        answer = SubmitResult()
        if self.answers:
            answer.CopyFrom(self.answers.pop(0))
        else:
            answer.accepted.CopyFrom(Accepted(state=NotificationState.NOTIFICATION_STATE_QUEUED))
        answer.request_id, answer.round = key
        if answer.WhichOneof("result") != "rejected":
            answer.notification_id = str(uuid5(NAMESPACE_URL, request.request_id))
            self.stored[key] = answer
            self.bytes_of[key] = frozen
        return answer

    @override
    async def CancelConcern(self, request: CancelConcernRequest, context: Any) -> CancelConcernResponse:
        """Takes a cancel."""
        if self.fail_before:
            await context.abort(self.fail_before.pop(0), "told to")
        self.cancels.append(request)
        return self.cancel_answer

    @override
    async def PullOutcomes(self, request: PullOutcomesRequest, context: Any) -> PullOutcomesResponse:
        """Gives what is not acknowledged."""
        if self.pull is not None:
            await self.pull(request, context)
        waiting = [each for each in self.feed if each.outcome_id not in self.acknowledged]
        return PullOutcomesResponse(outcomes=waiting[: request.max_outcomes])

    @override
    async def AckOutcomes(self, request: AckOutcomesRequest, context: Any) -> AckOutcomesResponse:
        """Takes acknowledgements."""
        if self.fail_before:
            await context.abort(self.fail_before.pop(0), "told to")
        self.acknowledged += [each.outcome_id for each in request.outcomes]
        self.acknowledging.set()
        return AckOutcomesResponse()

    @override
    async def GetNotification(self, _request: GetNotificationRequest, context: Any) -> GetNotificationResponse:
        """Knows of none."""
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such notification")
        raise AssertionError

    @override
    async def ListNotifications(self, _request: ListNotificationsRequest, _context: Any) -> ListNotificationsResponse:
        """Lists none."""
        return ListNotificationsResponse()

    @override
    async def GetStory(self, _request: GetStoryRequest, context: Any) -> GetStoryResponse:
        """Tells the story set, if one is."""
        if self.story_answer is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such notification")
        assert self.story_answer is not None
        return self.story_answer


@asynccontextmanager
async def serving_on() -> AsyncIterator[tuple[Standin, int]]:
    """A stand-in on a loopback port."""
    server = grpc.aio.server()
    standin = Standin()
    add_NotificationServiceServicer_to_server(standin, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield standin, port
    finally:
        await server.stop(None)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Standin, NotifyClient]]:
    """A stand-in on a loopback port, and a client of it."""
    async with serving_on() as (standin, port), connected(f"127.0.0.1:{port}", None) as client:
        yield standin, client
