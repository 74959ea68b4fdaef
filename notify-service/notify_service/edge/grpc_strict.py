"""Services that other packages bring (health, reflection), held to what ours are held to: a clean status, nothing that was sent.

grpc.aio parses their requests itself and answers bytes that are no message with Python's own words about them. Here their
methods get raw bytes, which are parsed where it can be said plainly that they are none.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import structlog
from google.protobuf.message import DecodeError

log = structlog.get_logger()

UNREADABLE = "the message is not what its service says it is"
FAILED = "this failed here; the same call may be repeated"


class Strict(grpc.aio.ServerInterceptor):
    """Wraps each method whose requests grpc.aio would parse itself. Ours take raw bytes already and pass through."""

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """The handler of a call."""
        handler = await continuation(handler_call_details)
        parsed_by_grpc = handler is not None and handler.request_deserializer is not None
        return _strict(handler) if parsed_by_grpc else handler


def _strict(handler: Any) -> Any:
    parse, answer = handler.request_deserializer, handler.response_serializer
    if handler.request_streaming and handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(_conversation(handler.stream_stream, parse), None, answer)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(_answers(handler.unary_stream, parse), None, answer)
    if handler.request_streaming:
        return handler  # nobody brings such a method
    return grpc.unary_unary_rpc_method_handler(_one_answer(handler.unary_unary, parse), None, answer)


def _one_answer(method: Any, parse: Any) -> Any:
    async def call(raw: bytes, context: Any) -> Any:
        try:
            return await method(parse(raw), context)
        except Exception as error:  # noqa: BLE001 (whatever it is, its words stay here)
            await _abort(context, error)

    return call


def _answers(method: Any, parse: Any) -> Any:
    """A method that writes its answers to the context, or yields them."""

    async def call(raw: bytes, context: Any) -> None:
        try:
            running = method(parse(raw), context)
            if not inspect.isasyncgen(running):
                await running
                return
            async for one in running:
                await context.write(one)
        except Exception as error:  # noqa: BLE001
            await _abort(context, error)

    return call


def _conversation(method: Any, parse: Any) -> Any:
    async def parsed(raw: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        async for one in raw:
            yield parse(one)

    async def call(raw: AsyncIterator[bytes], context: Any) -> AsyncIterator[Any]:
        try:
            async for one in method(parsed(raw), context):
                yield one
        except Exception as error:  # noqa: BLE001
            await _abort(context, error)

    return call


async def _abort(context: Any, error: Exception) -> None:
    if isinstance(error, grpc.aio.AbortError):
        raise error  # the method said its status itself
    if isinstance(error, DecodeError):
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, UNREADABLE)
    log.error("rpc.failed", method="foreign", error=type(error).__name__)
    await context.abort(grpc.StatusCode.INTERNAL, FAILED)
