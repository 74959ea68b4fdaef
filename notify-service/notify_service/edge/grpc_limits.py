"""What a gRPC server does with callers that are wrong, too many or too large: a clean status, never an exception's text.

grpc.aio answers a handler's exception, and bytes that cannot be parsed, with UNKNOWN and Python's own words, which may hold what
was sent. So every method is wrapped here: it takes raw bytes, parses them itself, and turns whatever happens into a status.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import grpc
import structlog
from google.protobuf.message import DecodeError, Message

from notify_service import database
from notify_service.intake.fields import RejectedError
from notify_service.metrics import Metrics

log = structlog.get_logger()

LOCAL = "local"
LONGEST_SECONDS = 60.0
"""No call may take longer, even if its caller set no deadline."""


class RefusedError(Exception):
    """A call that is refused, with a status and a sentence that the caller may read."""

    def __init__(self, code: grpc.StatusCode, sentence: str) -> None:
        """``sentence`` holds nothing that was sent."""
        super().__init__(sentence)
        self.code = code


Method = Callable[[Any, str], Awaitable[Message]]
"""A method: a parsed request and the caller's name in, an answer out."""


def caller_of(context: "grpc.aio.ServicerContext[Any, Any]", known: Sequence[str] = ()) -> str:
    """The name in the caller's certificate; ``local`` without TLS.

    A certificate may hold several names. The caller is the first of ``known`` that is among them, else the common name, else the
    first of the other names in the alphabet: requests are scoped by it for ever, so it must not depend on an order that may change.

    Raises:
        RefusedError: where ``known`` names somebody, and not this caller.
    """
    names = _decoded(context.peer_identities() or ())
    common = _decoded(context.auth_context().get("x509_common_name", ()))
    if not names and not common:
        return LOCAL
    if not known:
        return min(common or names)
    for name in known:
        if name in names or name in common:
            return name
    raise RefusedError(grpc.StatusCode.PERMISSION_DENIED, "this caller is not in NOTIFY_GRPC_CALLERS")


def _decoded(names: Iterable[bytes]) -> list[str]:
    """A certificate without a common name gives an empty one, which names nobody."""
    return [name.decode(errors="replace") for name in names if name]


def handlers(
    service: str,
    methods: dict[str, tuple[type[Message], Method]],
    metrics: Metrics,
    callers: Sequence[str],
) -> grpc.GenericRpcHandler:
    """A handler for the methods of a service.

    Args:
        service: full name, as ``notify.v1.NotificationService``.
        methods: name to request type and method.
        metrics: counts and times.
        callers: names in client certificates that may call; none: everybody whom the authority knows.
    """
    made: dict[str, Any] = {
        name: grpc.unary_unary_rpc_method_handler(_wrapped(name, kind, method, metrics, callers))
        for name, (kind, method) in methods.items()
    }
    return grpc.method_handlers_generic_handler(service, made)


def _wrapped(
    name: str, kind: type[Message], method: Method, metrics: Metrics, callers: Sequence[str]
) -> Callable[[bytes, Any], Awaitable[bytes]]:
    async def call(raw: bytes, context: Any) -> bytes:
        with metrics.timed(name) as code:
            try:
                caller = caller_of(context, callers)
                request = kind.FromString(raw)
                async with asyncio.timeout(LONGEST_SECONDS):
                    answer = await method(request, caller)
                return answer.SerializeToString()
            except asyncio.CancelledError:
                code.append("CANCELLED")
                raise
            except Exception as error:
                status, sentence = _status_of(error)
                code.append(status.name)
                if status is grpc.StatusCode.INTERNAL:
                    log.exception("rpc.failed", method=name, error=type(error).__name__)
            await context.abort(status, sentence)
            raise AssertionError

    return call


def _status_of(error: Exception) -> tuple[grpc.StatusCode, str]:
    match error:
        case RefusedError():
            return error.code, str(error)
        case RejectedError(field=field, reason=reason, remedy=remedy):
            return grpc.StatusCode.INVALID_ARGUMENT, f"{field} {reason}: {remedy}"
        case DecodeError():
            return grpc.StatusCode.INVALID_ARGUMENT, "the message is not what notify.v1 says it is"
        case _ if isinstance(error, database.GONE):
            return grpc.StatusCode.UNAVAILABLE, "the database cannot be reached; send the same call again"
        case _:
            return grpc.StatusCode.INTERNAL, "this failed here; the same call may be repeated"
