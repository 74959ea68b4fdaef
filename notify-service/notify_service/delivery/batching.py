"""Batches that make themselves: what arrives while one is being written makes the next. A lone item waits for nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Batches(Generic[T]):
    """Hands items to `write` in batches, one batch at a time.

    Where `write` fails for another reason than `gone` (the database went away), the items are written one by one, so that a
    bad one harms no other; each caller gets its own item's error.
    """

    def __init__(
        self, write: Callable[[Sequence[T]], Awaitable[None]], gone: tuple[type[Exception], ...], most: int = 200
    ) -> None:
        self._write = write
        self._gone = gone
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: T) -> None:
        """Returns when the item was written. Cancelling the caller does not take the item back."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._settle(batch)
        finally:
            self._task = None

    async def _settle(self, batch: Sequence[tuple[T, asyncio.Future[None]]]) -> None:
        try:
            await self._write([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 (each caller gets it and decides)
            if len(batch) == 1 or isinstance(error, self._gone):
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                return
            for pair in batch:
                await self._settle([pair])
            return
        except BaseException:
            for _, future in batch:
                future.cancel()
            raise
        for _, future in batch:
            if not future.done():
                future.set_result(None)
