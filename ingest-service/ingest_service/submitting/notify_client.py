"""notify's gRPC API as the submitting loops use it: a deadline on every call, no retries below us, errors named by what to do."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf.message import Message

from notify.v1.outcome_pb2 import Outcome
from notify.v1.service_pb2 import (
    AckOutcomesRequest,
    AckOutcomesResponse,
    CancelConcernRequest,
    CancelConcernResponse,
    GetStoryRequest,
    GetStoryResponse,
    OutcomeRef,
    PullOutcomesRequest,
    PullOutcomesResponse,
    SubmitNotificationsResponse,
    SubmitResult,
)
from notify.v1.story_pb2 import Story

DEADLINE_SECONDS: Final = 5.0
MOST_ITEMS: Final = 500
MOST_BYTES: Final = 900_000  # notify takes 1 MiB; headers and framing want room
_SERVICE: Final = "/notify.v1.NotificationService/"
_OPTIONS: Final = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.enable_retries", 0),
    ("grpc.max_send_message_length", 1_048_576),
    ("grpc.max_receive_message_length", 16 * 1_048_576),
)


class TryLater(Exception):
    """Notify could not take the call now. The same bytes may be sent again."""


class ConfigureAccount(Exception):
    """Notify does not know the account. The same bytes may be sent again once it does."""


class DoNotRepeat(Exception):
    """Notify refuses the call as it stands. A batch may hold a good part; a lone item is wrong."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Mutual TLS, PEM bytes."""

    ca: bytes
    certificate: bytes
    key: bytes


def tls_of(ca: Path | None, certificate: Path | None, key: Path | None) -> Tls | None:
    """Reads GRPC_TLS_CA, GRPC_TLS_CERT and GRPC_TLS_KEY; None where they are not set.

    Raises:
        OSError: one of them cannot be read.
    """
    if ca is None or certificate is None or key is None:
        return None
    return Tls(ca.read_bytes(), certificate.read_bytes(), key.read_bytes())


@asynccontextmanager
async def connected(target: str, tls: Tls | None) -> AsyncIterator["NotifyClient"]:
    """A client on a channel of its own. Without TLS only for a notify on the same machine; the settings see to that."""
    if tls is None:
        channel = grpc.aio.insecure_channel(target, options=_OPTIONS)
    else:
        credentials = grpc.ssl_channel_credentials(tls.ca, tls.key, tls.certificate)
        channel = grpc.aio.secure_channel(target, credentials, options=_OPTIONS)
    async with channel:
        yield NotifyClient(channel)


class NotifyClient:
    """The calls. Each raises TryLater, ConfigureAccount or DoNotRepeat and nothing else."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """On an open channel."""
        # the requests' bytes were frozen: they go out as they are, not parsed and written anew
        self._submit: Any = channel.unary_unary(
            _SERVICE + "SubmitNotifications",
            request_serializer=lambda frozen: b"".join(_framed(frozen)),
            response_deserializer=SubmitNotificationsResponse.FromString,
        )
        self._cancel: Any = _call(channel, "CancelConcern", CancelConcernResponse)
        self._pull: Any = _call(channel, "PullOutcomes", PullOutcomesResponse)
        self._ack: Any = _call(channel, "AckOutcomes", AckOutcomesResponse)
        self._story: Any = _call(channel, "GetStory", GetStoryResponse)

    async def submit(self, frozen: Sequence[bytes]) -> list[SubmitResult]:
        """Submits one batch within the limits (see batches); one result for each item, in order."""
        response: SubmitNotificationsResponse = await _answer(self._submit(frozen, timeout=DEADLINE_SECONDS))
        if len(response.results) != len(frozen):
            raise TryLater(f"notify answered {len(response.results)} results to {len(frozen)} requests")
        return list(response.results)

    async def cancel(self, account_id: str, concern: str, as_of: datetime) -> CancelConcernResponse:
        """Tells that a concern is over. Idempotent."""
        request = CancelConcernRequest(account_id=account_id, concern=concern)
        request.as_of.FromDatetime(as_of)
        response: CancelConcernResponse = await _answer(self._cancel(request, timeout=DEADLINE_SECONDS))
        return response

    async def pull(self, account_ids: Sequence[str], most: int, wait: timedelta) -> list[Outcome]:
        """Leases outcomes; waits for the first one."""
        request = PullOutcomesRequest(account_ids=account_ids, max_outcomes=most)
        request.wait.FromTimedelta(wait)
        response: PullOutcomesResponse = await _answer(
            self._pull(request, timeout=DEADLINE_SECONDS + wait.total_seconds())
        )
        return list(response.outcomes)

    async def acknowledge(self, outcomes: Iterable[tuple[str, str]]) -> None:
        """Acknowledges outcomes given as (account, id). Idempotent."""
        refs = [OutcomeRef(account_id=account_id, outcome_id=outcome_id) for account_id, outcome_id in outcomes]
        await _answer(self._ack(AckOutcomesRequest(outcomes=refs), timeout=DEADLINE_SECONDS))

    async def story(self, account_id: str, **key: str) -> list[Story]:
        """The stories by one of notification_id, request_id, concern, provider_sid; none where notify knows nothing."""
        request = GetStoryRequest(account_id=account_id, **key)
        try:
            response: GetStoryResponse = await _answer(self._story(request, timeout=DEADLINE_SECONDS))
        except NotFound:
            return []
        return list(response.stories)


class NotFound(DoNotRepeat):
    """Notify has no such thing."""


def batches(sizes: Sequence[int]) -> list[range]:
    """Cuts items into batches within notify's limits, in order. An item that is too large by itself stands alone."""
    cut: list[range] = []
    start = held = 0
    for index, size in enumerate(sizes):
        framed = size + 8
        if index > start and (index - start >= MOST_ITEMS or held + framed > MOST_BYTES):
            cut.append(range(start, index))
            start, held = index, 0
        held += framed
    if sizes:
        cut.append(range(start, len(sizes)))
    return cut


def _framed(frozen: Sequence[bytes]) -> Iterable[bytes]:
    """SubmitNotificationsRequest on the wire: field 1, length-delimited, once for each request."""
    for item in frozen:
        yield b"\x0a"
        length = len(item)
        while length > 127:
            yield bytes((length & 127 | 128,))
            length >>= 7
        yield bytes((length,))
        yield item


def _call(channel: grpc.aio.Channel, method: str, response: type[Message]) -> Any:
    return channel.unary_unary(
        _SERVICE + method,
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=response.FromString,
    )


async def _answer(call: Any) -> Any:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        said = f"{error.code().name}: {error.details()}"
        match error.code():
            case grpc.StatusCode.FAILED_PRECONDITION:
                raise ConfigureAccount(said) from None
            case grpc.StatusCode.NOT_FOUND:
                raise NotFound(said) from None
            case grpc.StatusCode.INVALID_ARGUMENT | grpc.StatusCode.OUT_OF_RANGE | grpc.StatusCode.UNIMPLEMENTED:
                raise DoNotRepeat(said) from None
            case _:
                raise TryLater(said) from None
